# Copyright 2026 Huawei Technologies Co., Ltd
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
# http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
# ============================================================================
"""The shapes that speed is measured at: field cardinalities and sizes of networks. Imports nothing."""

# KuaiRand-Pure's 41 fields: 30 of the user, 11 of the video, as preprocess.py --dataset kuairand counts their ids.
KUAIRAND = (
    10, 2, 4, 3, 21, 9, 21, 10, 21, 8, 21, 9, 3, 8, 51, 1472, 16, 35, 4, 120, 455, 8, 6, 4, 3, 3, 3, 3, 3, 3,
    6511, 4, 4, 16, 2, 21, 60, 60, 7203, 5, 112,
)
# MovieLens-100K's 29 fields, as preprocess.py --dataset movielens counts their ids.
MOVIELENS = (944, 1653, 8, 3, 22, 112, 17, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 25, 8)
SHAPES = {"kuairand": KUAIRAND, "movielens": MOVIELENS}
# What the paper's sizes are changed to: nothing, and to those of configs/movielens.yaml.
SIZES = {"kuairand": {}, "movielens": {"embedding_dim": 16, "bottom_dims": (64, 32), "tower_dims": (32, 16),
                                       "experts": 4, "batch_size": 1024}}
