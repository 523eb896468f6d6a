"""The project that `peerage new-reactor` writes: a reactor with typed messages, and its tests."""

from peerage.scaffold.project import Project, write_project
from peerage.scaffold.project_name import ProjectNameError, check_name

__all__ = ["Project", "ProjectNameError", "check_name", "write_project"]
