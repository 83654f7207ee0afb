"""Makes what people read, from the store alone: tables, figures, Markdown, HTML, terminal output."""
