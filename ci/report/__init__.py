"""What a run says about itself: its events, and the report and tables made of them (pure)."""
