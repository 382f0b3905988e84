from webinars.models.registration import Presence as Presence
from webinars.models.registration import RegistrantSync as RegistrantSync
from webinars.models.registration import Registration as Registration
from webinars.models.webinar import Counter as Counter
from webinars.models.webinar import Speaker as Speaker
from webinars.models.webinar import Webinar as Webinar
