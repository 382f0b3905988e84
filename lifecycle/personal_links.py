"""Links of a person's own that mails may hold, from apps that know nothing of mails."""

from campaigns.sending import personal
from lifecycle.customers import leaving

SAMPLE = [{"label": "It cost more than it gave us", "url": "https://www.example.com/leaving/sample"}]

personal.register("leaving", leaving.links, sample={"url": "https://www.example.com/leaving/sample", "reasons": SAMPLE})
