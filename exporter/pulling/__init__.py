"""History from Telegram, page by page: which chats there are, which are chosen, what is missing of each."""
