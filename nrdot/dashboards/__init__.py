"""Which queries of dashboards and alert rules a profile would blind or change."""
