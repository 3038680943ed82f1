"""From stored records to a report: collect, draw, write. lnncmp.report.page says what a report looks like."""
