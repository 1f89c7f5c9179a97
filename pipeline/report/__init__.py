"""The page that people read: one offline HTML file."""
