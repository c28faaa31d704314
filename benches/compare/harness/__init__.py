"""Tenantry and three mail servers doing the same job, measured in turns."""
