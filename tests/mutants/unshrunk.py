"""A plugin of pytest for planted faults: a failed example is enough, nobody reads the smallest one."""

from hypothesis import Phase, settings

settings.register_profile(
    "unshrunk",
    phases=(Phase.explicit, Phase.generate),
    database=None,
    derandomize=True,  # a fault that was noticed is noticed again
)
settings.load_profile("unshrunk")
