"""What happens before a real use's command starts: little, and with few imports."""
