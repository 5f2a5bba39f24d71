"""Tables of people in our columns: published summary values, and readers for public single-trial tables and formats.

The single-trial tables themselves are not shipped: bring the file and its licence.
"""

from neuromm.core.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    names={
        "published": "published",
        "published_number": "published",
        "read_columns": "formats",
        "read_psychopy": "formats",
        "read_bids_events": "formats",
        "read_mohl2020": "mohl2020",
        "read_acerbi2018": "heading",
        "read_dewinkel2017": "heading",
        "read_drugowitsch2014": "heading",
        "read_chan_sifi": "illusions",
        "read_gau2016": "illusions",
    },
)
