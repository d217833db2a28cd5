"""The classroom around JupyterLab: starting and driving it, looking at the machine, keeping a course up to date."""
