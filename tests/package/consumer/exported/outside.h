#pragma once

/// Parameters of a score net with one hidden layer.
long parameters(int dim, int width);
