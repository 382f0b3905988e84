"""Public pages behind the links in a mail. No session, no login, no cookie: the signed token is the whole authority."""
