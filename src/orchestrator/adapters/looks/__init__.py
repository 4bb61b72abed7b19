"""What ``orchestrator doctor`` looks at: each look only reads, and leaves everything as it was."""
