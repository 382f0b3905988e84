"""Mail domains that say nothing about an employer."""

FREE_MAIL = frozenset(
    """
    126.com 139.com 163.com 189.cn aim.com alice.it aliyun.com aol.co.uk aol.com aol.de arcor.de att.net bell.net
    bellsouth.net bigpond.com bigpond.net.au bk.ru bluewin.ch blueyonder.co.uk bol.com.br btinternet.com
    btopenworld.com cable.comcast.com centurylink.net charter.net chello.at chello.nl club-internet.fr comcast.net
    cox.net daum.net duck.com earthlink.net email.com email.cz embarqmail.com fastmail.com fastmail.fm foxmail.com
    free.fr freemail.hu freenet.de frontier.com frontiernet.net gawab.com globo.com globomail.com gmail.com gmx.at
    gmx.ch gmx.com gmx.de gmx.fr gmx.net gmx.us googlemail.com hanmail.net hey.com home.nl hotmail.be hotmail.ca
    hotmail.ch hotmail.co.jp hotmail.co.uk hotmail.com hotmail.com.au hotmail.com.br hotmail.de hotmail.es
    hotmail.fr hotmail.it hotmail.nl hotmail.se hushmail.com icloud.com ig.com.br iinet.net.au inbox.com inbox.lv
    inbox.ru interia.pl juno.com kolumbus.fi kpnmail.nl laposte.net libero.it list.ru live.be live.ca live.cn
    live.co.uk live.com live.com.au live.com.mx live.de live.dk live.fr live.it live.nl live.no live.se luukku.com
    mac.com mail.com mail.de mail.dk mail.ee mail.ru mailbox.org me.com mindspring.com msn.com mts.net mweb.co.za
    nate.com naver.com neuf.fr ntlworld.com o2.pl onet.eu onet.pl online.de online.no optonline.net optusnet.com.au
    orange.fr orange.net outlook.at outlook.be outlook.co.uk outlook.com outlook.com.br outlook.de outlook.dk
    outlook.es outlook.fr outlook.it outlook.jp outlook.pt ozemail.com.au passport.com pm.me posteo.de posteo.net
    prodigy.net.mx proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com roadrunner.com
    rocketmail.com rogers.com runbox.com sapo.pt sbcglobal.net seznam.cz sfr.fr shaw.ca sina.cn sina.com sky.com
    skynet.be sohu.com spray.se sympatico.ca t-online.de talktalk.net tele2.nl telenet.be telia.com telus.net
    terra.com.br tin.it tiscali.co.uk tiscali.it tlen.pl tuta.com tuta.io tutamail.com tutanota.com tutanota.de
    ukr.net uol.com.br verizon.net videotron.ca virgilio.it virgin.net virginmedia.com vodafone.de voila.fr volny.cz
    walla.co.il wanadoo.es wanadoo.fr web.de windowslive.com windstream.net wp.pl xs4all.nl xtra.co.nz ya.ru
    yahoo.ca yahoo.cn yahoo.co.id yahoo.co.in yahoo.co.jp yahoo.co.nz yahoo.co.uk yahoo.co.za yahoo.com yahoo.com.ar
    yahoo.com.au yahoo.com.br yahoo.com.mx yahoo.com.sg yahoo.de yahoo.dk yahoo.es yahoo.fr yahoo.gr yahoo.ie
    yahoo.in yahoo.it yahoo.nl yahoo.no yahoo.pl yahoo.se yandex.com yandex.ru yeah.net ymail.com ziggo.nl zoho.com
    zohomail.com zonnet.nl
    """.split()
)

# Addresses for an hour. People behind them are real leads, but never an account.
DISPOSABLE = frozenset(
    """
    10minutemail.com 33mail.com anonaddy.com anonaddy.me burnermail.io byom.de discard.email dispostable.com
    emailondeck.com fakeinbox.com getairmail.com getnada.com grr.la guerrillamail.biz guerrillamail.com
    guerrillamail.de guerrillamail.net guerrillamail.org guerrillamailblock.com harakirimail.com inboxkitten.com
    incognitomail.org jetable.org mail-temp.com mail.tm mailcatch.com maildrop.cc mailexpire.com mailinator.com
    mailinator.net mailnesia.com mailnull.com mintemail.com moakt.com mohmal.com mozmail.com mytemp.email nada.email
    passmail.net privaterelay.appleid.com sharklasers.com simplelogin.com spam4.me spambox.us spamgourmet.com
    temp-mail.io temp-mail.org tempail.com tempmail.com tempmailo.com tempr.email throwawaymail.com trash-mail.com
    trashmail.com trashmail.de trbvm.com wegwerfmail.de yopmail.com yopmail.fr yopmail.net
    """.split()
)


def company_domain(email_domain: str) -> str | None:
    """The domain that names an account, or None for free and throw-away mail."""
    return None if not email_domain or email_domain in FREE_MAIL or email_domain in DISPOSABLE else email_domain
