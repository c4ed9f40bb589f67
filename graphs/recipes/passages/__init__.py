"""Examples of inner life: passages of a book, put into templates."""
