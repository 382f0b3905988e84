"""What people and other tools call a field, in several languages: nothing but lower-case letters and digits."""

WORDS: dict[str, str] = {
    "email": """
        email emailaddress mail mailaddress emailadresse mailadresse workemail businessemail primaryemail
        contactemail courriel adressemail adresseemail adresseelectronique correo correoelectronico correoe
        indirizzoemail postaelettronica enderecodeemail epost epostadress epostadresse sahkoposti adresemail
        emailadres emailaddress1 subscriberemail
    """,
    "first_name": """
        firstname fname givenname forename vorname prenom nombre nome primonome voornaam fornamn fornavn imie
        contactfirstname
    """,
    "last_name": """
        lastname lname surname familyname nachname name2 familienname nom nomdefamille apellido apellidos cognome
        sobrenome achternaam efternamn etternavn nazwisko contactlastname
    """,
    "name": """
        name fullname contactname displayname contact vollstandigername nomcomplet nombrecompleto nomecompleto
        volledigenaam kontakt ansprechpartner
    """,
    "phone": """
        phone phonenumber telephone tel mobile mobilephone mobilephonenumber cell telefon telefonnummer handy mobil
        telephoneportable telefono movil celular telefone telefoonnummer workphone
    """,
    "job_title": """
        jobtitle title position jobposition jobrole funktion stellenbezeichnung berufsbezeichnung beruf fonction
        poste titre intituleduposte cargo puesto qualifica posizione ruolo funcao functie befattning stanowisko
    """,
    "company": """
        company companyname organization organisation organizationname account accountname employer firma firmenname
        unternehmen societe entreprise raisonsociale empresa compania azienda societa bedrijf bedrijfsnaam foretag
    """,
    "company_size": """
        companysize employees numberofemployees employeecount noofemployees headcount size mitarbeiter
        mitarbeiterzahl anzahlmitarbeiter unternehmensgrosse effectif nombredemployes empleados numerodeempleados
        dipendenti
    """,
    "industry": "industry sector branche secteur secteurdactivite sectorindustria industria settore branch",
    "country": "country countryregion land pays pais paese kraj countryname",
    "timezone": "timezone tz zeitzone fuseauhoraire zonahoraria fusoorario",
    "organization_type": "organizationtype organisationtype orgtype organisationstyp typeorganisation",
    "audience_type": "audiencetype",
    "primary_audience": "primaryaudience audience zielgruppe",
    "is_client": "isclient client customer iscustomer kunde istkunde escliente cliente",
    "unsubscribed": """
        unsubscribed optout optedout hasoptedoutofemail emailoptout donotemail donotcontact dnc
        unsubscribedfromallemail unsubtime unsubscribedat unsubscribedate optouttime optoutdate abgemeldet
        ausgetragen newsletterabgemeldet desabonne desinscrit baja dadodebaja cancellato disiscritto blocklisted
        blacklisted emailblacklist
    """,
    "subscribed": """
        subscribed optin optedin acceptsmarketing acceptsemailmarketing emailoptin newsletter marketingoptin
        abonniert angemeldet abonne suscrito iscritto emailmarketingstatus subscriptionstatus
        emailsubscriptionstatus
    """,
    "consent": """
        consent consenttext gdprconsent marketingconsent einwilligung zustimmung consentement consentimiento
        consenso
    """,
    "consent_at": """
        consentat consentdate consenttime optintime optindate confirmtime einwilligungam datumeinwilligung
        dateconsentement subscribedat
    """,
    "referrer": "referrer referer httpreferrer",
    "page_url": "pageurl landingpage landingpageurl firstpageseen entrypage",
}

# Of our own export and of other tools' machinery: concluded, or theirs.
MACHINERY = frozenset(
    """
    id role anonymousid recordid contactid leadid personid uuid stage lifecyclestage stagesince score
    fitscore intentscore temperature owner contactowner leadowner firstowner createdat createdate
    created updatedat lastmodifieddate modified formsource department originaltouch latesttouch
    originalsource latestsource originalmedium latestmedium originalcampaign latestcampaign
    originallandingpage latestlandingpage originaloccurredat latestoccurredat lasthumanactat
    memberrating leid euid dstoff gmtoff optinip confirmip latitude longitude lastchanged demobooked
    demoat demostatus webinars engagementtier tiersince sunsetat
    """.split()
)
