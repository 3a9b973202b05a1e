"""Intel TDX: quotes, their chain to Intel, and their appraisal."""
