"""What happens around every request, one concern per module; `application.py` puts them in order."""
