"""What the data looks like, and how far it has moved: profiles of tables, and what parts them.

Needs numpy and scipy, so only comparing and monitoring import it; deploying and serving never do.
"""
