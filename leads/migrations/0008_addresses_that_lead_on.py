"""Where an address leads since two people were merged, seen as of this very moment.

A statement sees the database as it was when the statement began. One that inserts a lead may wait for the merge that
takes this address away, and then insert it anew; what a volatile function reads is newer than that wait.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION leads_alias_of(address text) RETURNS bigint LANGUAGE sql VOLATILE PARALLEL UNSAFE AS
$$ SELECT lead_id FROM leads_addressalias WHERE email_normal = address $$
"""


class Migration(migrations.Migration):
    dependencies = [("leads", "0007_segments_are_built_anew")]
    operations = [migrations.RunSQL(FORWARD, "DROP FUNCTION leads_alias_of(text)")]
