"""From stored records to a report: collect, draw, write. What a report looks like is the matter of lnncmp.report."""
