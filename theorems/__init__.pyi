from .catalogue import CLAIMS as CLAIMS
from .claim import Claim as Claim
from .claim import Hypothesis as Hypothesis
from .claim import Source as Source
from .claim import at_most as at_most
from .claim import compares as compares
from .claim import equals as equals
from .feature_learning import feature_learning_equation as feature_learning_equation
from .feature_learning import gram_flow as gram_flow
from .feature_learning import gram_follows_virtual_covariance as gram_follows_virtual_covariance
from .feature_learning import stationary_gram_is_feature_correlation as stationary_gram_is_feature_correlation
from .verdict import Grade as Grade
from .verdict import Outcome as Outcome
from .verdict import Verdict as Verdict

__version__: str
