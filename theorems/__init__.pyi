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
from .feature_learning import target_linearity_laws as target_linearity_laws
from .feature_learning import virtual_step_raises_target_linearity as virtual_step_raises_target_linearity
from .gram_hierarchy import backward_pullback_recursion as backward_pullback_recursion
from .gram_hierarchy import closure_needs_gram_from_depth_three as closure_needs_gram_from_depth_three
from .gram_hierarchy import forward_pushforward_recursion as forward_pushforward_recursion
from .gram_hierarchy import gram_operator_flow as gram_operator_flow
from .gram_hierarchy import kernel_cut_identity as kernel_cut_identity
from .gram_hierarchy import layerwise_kernel as layerwise_kernel
from .gram_hierarchy import single_layer_residual_dynamics as single_layer_residual_dynamics
from .gram_hierarchy import weight_gram_is_first_nontrivial_pullback as weight_gram_is_first_nontrivial_pullback
from .verdict import Grade as Grade
from .verdict import Outcome as Outcome
from .verdict import Verdict as Verdict

__version__: str
