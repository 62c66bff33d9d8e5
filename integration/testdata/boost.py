"""XGBoost, as its introduction has it."""
import numpy as np
import xgboost as xgb

rng = np.random.default_rng(1)
x = rng.random((500, 5))
data = xgb.DMatrix(x, label=x.sum(axis=1))
xgb.train({"nthread": 1, "max_depth": 2}, data, num_boost_round=6, evals=[(data, "train")])
