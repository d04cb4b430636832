"""A plugin of pytest for planted faults: a failed example is enough, nobody reads the smallest one."""

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "unshrunk",
    phases=(Phase.explicit, Phase.generate),
    database=None,
    derandomize=True,  # a fault that was noticed is noticed again
    deadline=None,  # a machine that is busy is no fault
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("unshrunk")
