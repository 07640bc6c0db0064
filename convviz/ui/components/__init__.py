"""Browser components: one module each, its html, css and js beside it."""
