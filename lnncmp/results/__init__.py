"""Results for those who live elsewhere: stored records as one table, or as the files of an experiment tracker."""
