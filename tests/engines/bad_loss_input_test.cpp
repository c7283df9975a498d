// LossPlan::run refuses each bad input by name and writes nothing.
#include "support/loss_refusal.h"

namespace scorematch::test {
namespace {

using Row = BadCall<LossCall>;
using C = LossCall;

std::vector<Row> bad_params_and_x() {
  return {
      {"no params", drawn, [](C& c) { c.in.params = {}; }, {"params", "[31]", "nothing"}},
      {"params short", drawn, [](C& c) { c.in.params.shape = 30; }, {"params", "[31] float32", "[30] float32"}},
      {"params a matrix",
       drawn,
       [](C& c) {
         c.in.params.shape = {31, 1};
       },
       {"params", "[31]", "[31, 1] float32"}},
      {"params int64", drawn, [](C& c) { c.in.params.dtype = DType::i64; }, {"params", "[31] float32", "[31] int64"}},
      {"params float64",
       drawn,
       [](C& c) {
         c.in.params = {c.memory.fill<double>(kParams), kParams};
       },
       {"params", "[31] float32", "[31] float64"},
       On::f32},
      {"params misaligned",
       drawn,
       [](C& c) { shift(c.in.params, 1); },
       {"params", "an address that is a multiple of 4", "1 bytes past a multiple"}},
      {"params strided", drawn, [](C& c) { c.in.params.stride[0] = 2; }, {"params", "a last axis of stride 1", "2"}},
      {"no x", drawn, [](C& c) { c.in.batch.x = {}; }, {"x", "[any, 3]", "nothing"}},
      {"x with too few columns",
       drawn,
       [](C& c) {
         c.in.batch.x.shape = {5, 2};
       },
       {"x", "[any, 3]", "[5, 2] float32"}},
      {"x of one axis", drawn, [](C& c) { c.in.batch.x.shape = 15; }, {"x", "[any, 3]", "[15] float32"}},
      {"x of three axes",
       drawn,
       [](C& c) {
         c.in.batch.x.shape = {1, 5, 3};
       },
       {"x", "[any, 3]", "[1, 5, 3] float32"}},
      {"x without rows",
       drawn,
       [](C& c) {
         c.in.batch.x.shape = {0, 3};
       },
       {"x", "a batch of 1 to 8", "0"}},
      {"x past max_batch",
       drawn,
       [](C& c) {
         c.in.batch.x.shape = {9, 3};
       },
       {"x", "a batch of 1 to 8", "9"}},
      {"x of negative rows",
       drawn,
       [](C& c) { c.in.batch.x.shape.extent[0] = -5; },
       {"x", "[any, 3]", "[-5, 3] float32"}},
      {"x of seven axes", drawn, [](C& c) { c.in.batch.x.shape.rank = 7; }, {"x", "[any, 3]", "a shape of 7 extents"}},
      {"x of an unknown type",
       drawn,
       [](C& c) { c.in.batch.x.dtype = static_cast<DType>(9); },
       {"x", "[any, 3] float32", "[5, 3] an unknown type"}},
      {"x int64", drawn, [](C& c) { c.in.batch.x.dtype = DType::i64; }, {"x", "[any, 3] float32", "[5, 3] int64"}},
      {"x float64",
       drawn,
       [](C& c) {
         c.in.batch.x = {c.memory.fill<double>(15), {5, 3}};
       },
       {"x", "[any, 3] float32", "[5, 3] float64"},
       On::f32},
      {"x misaligned",
       drawn,
       [](C& c) { shift(c.in.batch.x, 2); },
       {"x", "an address that is a multiple of 4", "2 bytes past a multiple"}},
      {"x with gaps between columns",
       drawn,
       [](C& c) { c.in.batch.x.stride[1] = 2; },
       {"x", "a last axis of stride 1", "2"}},
      {"x with rows that overlap",
       drawn,
       [](C& c) { c.in.batch.x.stride[0] = 2; },
       {"x", "a row stride of at least 3", "2"}},
      {"x with a negative row stride",
       drawn,
       [](C& c) { c.in.batch.x.stride[0] = -3; },
       {"x", "a row stride of at least 3", "-3"}},
      {"x past 2^63 elements",
       drawn,
       [](C& c) { c.in.batch.x.stride[0] = std::int64_t{1} << 62; },
       {"x", "an array within the address space", "[5, 3] float32 with strides [4611686018427387904, 1]"}},
      {"x past 2^63 bytes",
       drawn,
       [](C& c) { c.in.batch.x.stride[0] = (std::int64_t{1} << 61) / 4; },
       {"x", "an array within the address space", "[5, 3] float32 with strides [576460752303423488, 1]"}},
      {"x past the last address",
       drawn,
       [](C& c) { c.in.batch.x.data = reinterpret_cast<const void*>(~std::uintptr_t{0} - 15); },
       {"x", "an array within the address space", "[5, 3] float32"}},
  };
}

std::vector<Row> bad_noise() {
  return {
      {"no noise", drawn, [](C& c) { c.in.batch.noise = {}; }, {"noise", "a NoiseState to draw sigma from", "nothing"}},
      {"no noise for eps",
       with_sigma,
       [](C& c) { c.in.batch.noise = {}; },
       {"noise", "a NoiseState to draw eps from", "nothing"}},
      {"noise with a negative offset",
       drawn,
       [](C& c) { c.in.batch.noise.sample_offset = -1; },
       {"noise.sample_offset", "at least 0", "-1"}},
      {"noise past its end",
       drawn,
       [](C& c) { c.in.batch.noise.sample_offset = (std::int64_t{1} << 48) - 4; },
       {"noise.sample_offset", "samples below 2^48", "281474976710652 past"}},
      {"noise with the largest offset",
       drawn,
       [](C& c) { c.in.batch.noise.sample_offset = std::numeric_limits<std::int64_t>::max(); },
       {"noise.sample_offset", "samples below 2^48", "9223372036854775807 past"}},
      {"noise misaligned",
       drawn,
       [](C& c) { c.in.batch.noise.state = static_cast<const char*>(c.in.batch.noise.state) + 4; },
       {"noise.state", "the address of a NoiseState", "4 bytes past a multiple of 8"}},
      {"sigma short", with_sigma, [](C& c) { c.in.batch.sigma.shape = 4; }, {"sigma", "[5]", "[4] float32"}},
      {"sigma a matrix",
       with_sigma,
       [](C& c) {
         c.in.batch.sigma.shape = {5, 1};
       },
       {"sigma", "[5]", "[5, 1] float32"}},
      {"sigma int64",
       with_sigma,
       [](C& c) { c.in.batch.sigma.dtype = DType::i64; },
       {"sigma", "[5] float32", "[5] int64"}},
      {"sigma float64",
       with_sigma,
       [](C& c) {
         c.in.batch.sigma = {c.memory.fill<double>(5), 5};
       },
       {"sigma", "[5] float32", "[5] float64"},
       On::f32},
      {"sigma 0",
       with_sigma,
       [](C& c) { set_float(c.in.batch.sigma, 0, 0); },
       {"sigma", "finite values > 0", "0 at 0"},
       On::host},
      {"sigma negative",
       with_sigma,
       [](C& c) { set_float(c.in.batch.sigma, 4, -1); },
       {"sigma", "finite values > 0", "-1 at 4"},
       On::host},
      {"sigma not a number",
       with_sigma,
       [](C& c) { set_float(c.in.batch.sigma, 1, kNan); },
       {"sigma", "finite values > 0", "nan at 1"},
       On::host},
      {"sigma infinite",
       with_sigma,
       [](C& c) { set_float(c.in.batch.sigma, 1, kInf); },
       {"sigma", "finite values > 0", "inf at 1"},
       On::host},
      {"no sigma and no schedule",
       with_sigma,
       [](C& c) { c.loss.schedule = schedule::None{}, c.in.batch.sigma = {}; },
       {"sigma", "[5] or [1], as the loss has no schedule", "nothing"}},
      {"sigma that nothing uses",
       sliced,
       [](C& c) { with_sigma(c); },
       {"sigma", "nothing (neither the objective nor the network uses it)", "[5] float32"}},
      {"eps short",
       with_eps,
       [](C& c) {
         c.in.batch.eps.shape = {4, 3};
       },
       {"eps", "[5, 3]", "[4, 3] float32"}},
      {"eps with too few columns",
       with_eps,
       [](C& c) {
         c.in.batch.eps.shape = {5, 2};
       },
       {"eps", "[5, 3]", "[5, 2] float32"}},
      {"eps int64",
       with_eps,
       [](C& c) { c.in.batch.eps.dtype = DType::i64; },
       {"eps", "[5, 3] float32", "[5, 3] int64"}},
      {"eps misaligned",
       with_eps,
       [](C& c) { shift(c.in.batch.eps, 3); },
       {"eps", "an address that is a multiple of 4", "3 bytes past a multiple"}},
  };
}

std::vector<Row> bad_directions_and_true_score() {
  return {
      {"no directions and no noise",
       sliced_given,
       [](C& c) { c.in.batch.directions = {}; },
       {"noise", "a NoiseState to draw directions from", "nothing"}},
      {"directions too many",
       sliced_given,
       [](C& c) {
         c.in.batch.directions.shape = {3, 5, 3};
       },
       {"directions", "[2, 5, 3]", "[3, 5, 3] float32"}},
      {"directions of another batch",
       sliced_given,
       [](C& c) {
         c.in.batch.directions.shape = {2, 4, 3};
       },
       {"directions", "[2, 5, 3]", "[2, 4, 3] float32"}},
      {"directions with too few columns",
       sliced_given,
       [](C& c) {
         c.in.batch.directions.shape = {2, 5, 2};
       },
       {"directions", "[2, 5, 3]", "[2, 5, 2] float32"}},
      {"directions without planes",
       sliced_given,
       [](C& c) {
         c.in.batch.directions.shape = {5, 3};
       },
       {"directions", "[2, 5, 3]", "[5, 3] float32"}},
      {"directions whose planes overlap",
       sliced_given,
       [](C& c) { c.in.batch.directions.stride[0] = 3; },
       {"directions", "a plane stride of at least 15", "3"}},
      {"directions with a negative plane stride",
       sliced_given,
       [](C& c) { c.in.batch.directions.stride[0] = -15; },
       {"directions", "a plane stride of at least 0", "-15"}},
      {"directions past 2^63 elements",
       sliced_given,
       [](C& c) { c.in.batch.directions.stride[0] = std::numeric_limits<std::int64_t>::max(); },
       {"directions", "an array within the address space", "[2, 5, 3] float32 with strides"}},
      {"directions that nothing uses",
       drawn,
       [](C& c) {
         c.in.batch.directions = {c.memory.fill<float>(15), {1, 5, 3}};
       },
       {"directions", "nothing (only sliced objectives use them)", "[1, 5, 3] float32"}},
      {"no true score", explicit_score, [](C& c) { c.in.batch.true_score = {}; }, {"true_score", "[5, 3]", "nothing"}},
      {"true score with too few columns",
       explicit_score,
       [](C& c) {
         c.in.batch.true_score.shape = {5, 2};
       },
       {"true_score", "[5, 3]", "[5, 2] float32"}},
      {"true score that nothing uses",
       drawn,
       [](C& c) {
         c.in.batch.true_score = {c.memory.fill<float>(15), {5, 3}};
       },
       {"true_score", "nothing (only Esm uses it)", "[5, 3] float32"}},
  };
}

std::vector<Row> bad_weight() {
  return {
      {"weight of another batch",
       drawn,
       [](C& c) {
         c.in.batch.weight = {c.memory.fill<float>(4), {4}};
       },
       {"weight", "[5]", "[4] float32"}},
      {"weight per column",
       drawn,
       [](C& c) {
         c.in.batch.weight = {c.memory.fill<float>(15), {5, 3}};
       },
       {"weight", "[5]", "[5, 3] float32"}},
      {"weight in whole numbers",
       drawn,
       [](C& c) {
         c.in.batch.weight = {c.memory.fill<std::int64_t>(5), {5}};
       },
       {"weight", "[5] float32", "[5] int64"}},
  };
}

std::vector<Row> bad_rows() {
  return {
      {"rows of floats",
       gathered,
       [](C& c) { c.in.batch.rows.dtype = DType::f32; },
       {"rows", "[batch] int64", "[5] float32"}},
      {"rows a matrix",
       gathered,
       [](C& c) {
         c.in.batch.rows.shape = {5, 1};
       },
       {"rows", "[batch] int64", "[5, 1] int64"}},
      {"rows misaligned",
       gathered,
       [](C& c) { shift(c.in.batch.rows, 4); },
       {"rows", "an address that is a multiple of 8", "4 bytes past a multiple"}},
      {"rows strided", gathered, [](C& c) { c.in.batch.rows.stride[0] = 2; }, {"rows", "a last axis of stride 1", "2"}},
      {"rows of negative count",
       gathered,
       [](C& c) { c.in.batch.rows.shape.extent[0] = -5; },
       {"rows", "[batch] int64", "[-5] int64"}},
      {"no rows at all", gathered, [](C& c) { c.in.batch.rows.shape = 0; }, {"rows", "a batch of 1 to 8", "0"}},
      {"rows past max_batch", gathered, [](C& c) { c.in.batch.rows.shape = 9; }, {"rows", "a batch of 1 to 8", "9"}},
      {"a row before the data", gathered, [](C& c) { set_row(c, 4, -1); }, {"rows", "in [0, 7)", "-1 at 4"}, On::host},
      {"a row past the data", gathered, [](C& c) { set_row(c, 2, 7); }, {"rows", "in [0, 7)", "7 at 2"}, On::host},
      {"a row of empty data",
       gathered,
       [](C& c) {
         c.in.batch.x.shape = {0, 3};
       },
       {"x", "at least one row", "[0, 3] float32"}},
      {"rows given and drawn",
       gathered,
       [](C& c) { c.in.batch.draw_rows = kBatch; },
       {"rows", "nothing (draw_rows is given)", "[5] int64"}},
      {"a negative number of rows drawn",
       rows_drawn,
       [](C& c) { c.in.batch.draw_rows = -1; },
       {"draw_rows", "a batch of 1 to 8", "-1"}},
      {"too many rows drawn",
       rows_drawn,
       [](C& c) { c.in.batch.draw_rows = std::int64_t{1} << 40; },
       {"draw_rows", "a batch of 1 to 8", "1099511627776"}},
      {"rows drawn from nothing",
       rows_drawn,
       [](C& c) { c.in.batch.noise = {}; },
       {"noise", "a NoiseState to draw rows from", "nothing"}},
  };
}

class BadLossInput : public Engines {};

TEST_P(BadLossInput, ParamsAndX) { expect_all_refused(engine(), bad_params_and_x()); }
TEST_P(BadLossInput, Noise) { expect_all_refused(engine(), bad_noise()); }
TEST_P(BadLossInput, DirectionsAndTrueScore) { expect_all_refused(engine(), bad_directions_and_true_score()); }
TEST_P(BadLossInput, Weight) { expect_all_refused(engine(), bad_weight()); }
TEST_P(BadLossInput, Rows) { expect_all_refused(engine(), bad_rows()); }

INSTANTIATE_TEST_SUITE_P(On, BadLossInput, engines(), engine_name);

}  // namespace
}  // namespace scorematch::test
