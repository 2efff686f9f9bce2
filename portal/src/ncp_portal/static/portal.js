// loaded by every page
