from tests.browser.conftest import base, site, visit

__all__ = ["base", "site", "visit"]
