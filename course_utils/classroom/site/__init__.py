"""The course as a site: notebooks, guide and reference as pages that need no kernel and no network."""
