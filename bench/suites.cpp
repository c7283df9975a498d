#include "suites.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "job.h"

namespace scorematch::bench {
namespace {

using Names = std::vector<std::string>;

/// Every objective. The exact trace costs d times as much, so it gets fewer samples.
void add_objectives(const std::string& engine, const std::string& net, int dim, int hidden, int layers,
                    std::int64_t batch, std::int64_t trace_batch, Names& to) {
  const auto add = [&](const std::string& objective, std::int64_t samples, int projections) {
    to.push_back(engine + "/" + objective + "/" + net + shape_name(dim, hidden, layers, samples, projections));
  };
  add("esm", batch, 0);
  add("ism", trace_batch, 0);
  add("dsm", batch, 0);
  add("ssm", batch, 1);
  add("ssm_vr", batch, 1);
}

/// The nets and shapes of published figures for energy nets.
void add_small_nets(Names& to) {
  for (const std::string net : {"energy", "score"}) {
    for (const auto& [batch, dim] : {std::pair<int, int>{64, 8}, {256, 32}, {1024, 128}}) {
      to.push_back("cpu/dsm/" + net + shape_name(dim, 128, 2, batch));
      to.push_back("cpu/ssm/" + net + shape_name(dim, 128, 2, batch, 5));
    }
    to.push_back("cpu/ism/" + net + shape_name(16, 128, 2, 128));
  }
}

/// The same on one thread, to show the speedup of several threads.
void add_single_threaded(Names& names) {
  const Names jobs = {"dsm/score" + shape_name(64, 128, 3, 4096), "ssm/score" + shape_name(64, 128, 3, 4096, 1),
                      "dsm/score" + shape_name(2, 128, 3, 65536), "dsm/score" + shape_name(784, 1024, 3, 1024),
                      "dsm/score" + shape_name(8, 128, 2, 64),    "ssm/energy" + shape_name(128, 128, 2, 1024, 5)};
  for (const std::string& job : jobs) {
    const auto with_all =
        std::find(names.begin(), names.end(), "cpu/" + job);  // adjacent, in case the machine slows down
    names.insert(with_all == names.end() ? with_all : with_all + 1, "cpu-1/" + job);
  }
}

Names quick() {
  return {"cpu/esm/score" + shape_name(64, 128, 3, 4096),    "cpu/ism/score" + shape_name(2, 128, 3, 4096),
          "cpu/dsm/score" + shape_name(64, 128, 3, 4096),    "cpu/ssm/score" + shape_name(64, 128, 3, 4096, 1),
          "cpu/ssm/score" + shape_name(64, 128, 3, 4096, 4), "cpu/ssm_vr/score" + shape_name(64, 128, 3, 4096, 1),
          "cpu/dsm/score" + shape_name(2, 128, 3, 65536),    "cpu/dsm/score" + shape_name(784, 1024, 3, 1024),
          "cpu/dsm/energy" + shape_name(32, 128, 2, 256),    "cpu/ssm/energy" + shape_name(32, 128, 2, 256, 5),
          "cpu/dsm/score" + shape_name(8, 128, 2, 64),       "cpu/dsm/energy" + shape_name(8, 128, 2, 64),
          "reference/dsm/score" + shape_name(64, 128, 3, 64)};
}

Names full() {
  Names names;
  for (const std::string net : {"score", "energy"}) {
    add_objectives("reference", net, 2, 128, 3, 64, 64, names);
    add_objectives("reference", net, 64, 128, 3, 64, 4, names);
    add_objectives("cpu", net, 2, 128, 3, 65536, 65536, names);
    add_objectives("cpu", net, 64, 128, 3, 4096, 256, names);
    add_objectives("cpu", net, 64, 256, 3, 4096, 256, names);
    add_objectives("cpu", net, 784, 1024, 3, 1024, 64, names);
  }
  names.push_back("cpu/ssm/score" + shape_name(64, 128, 3, 4096, 4));
  for (const std::string objective : {"dsm", "ssm"})
    names.push_back("cpu/" + objective + "/score" + shape_name(64, 128, 3, 4096, objective == "ssm" ? 1 : 0) +
                    "/value");
  for (const std::string& job :
       {"dsm/score" + shape_name(64, 128, 3, 4096), "ssm/score" + shape_name(64, 128, 3, 4096, 1),
        "dsm/score" + shape_name(64, 256, 3, 4096), "dsm/score" + shape_name(784, 1024, 3, 1024),
        "dsm/energy" + shape_name(64, 128, 3, 4096)})
    names.push_back("cpu-bf16/" + job);
  add_small_nets(names);
  add_single_threaded(names);
  return names;
}

Names growth() {
  Names names;
  for (std::int64_t batch = 64; batch <= 1 << 20; batch *= 4) {
    names.push_back("cpu/dsm/score" + shape_name(64, 128, 3, batch));
    names.push_back("cpu/ssm/score" + shape_name(64, 128, 3, batch, 1));
  }
  for (int projections = 1; projections <= 64; projections *= 2) {
    names.push_back("cpu/ssm/score" + shape_name(64, 128, 3, 1024, projections));
    names.push_back("cpu/ssm/energy" + shape_name(64, 128, 3, 1024, projections));
  }
  for (int dim = 1; dim <= 4096; dim *= 4) {
    names.push_back("cpu/dsm/score" + shape_name(dim, 128, 3, 1024));
    names.push_back("cpu/ssm/score" + shape_name(dim, 128, 3, 1024, 1));
    if (dim <= 1024) names.push_back("cpu/ism/score" + shape_name(dim, 128, 3, 64));
    if (dim <= 1024) names.push_back("cpu/ssm/score" + shape_name(dim, 128, 3, 64, 1));
  }
  for (int hidden = 32; hidden <= 2048; hidden *= 2) {
    names.push_back("cpu/dsm/score" + shape_name(64, hidden, 3, 1024));
    names.push_back("cpu/ssm/score" + shape_name(64, hidden, 3, 1024, 1));
  }
  names.push_back("cpu/ssm/score" + shape_name(1 << 20, 64, 3, 16, 1));
  return names;
}

}  // namespace

std::vector<std::string> suite(const std::string& name) {
  if (name == "quick") return quick();
  if (name == "full") return full();
  if (name == "growth") return growth();
  throw Error(ErrorCode::invalid_argument, "suite", "suite: expected quick, full or growth, got '" + name + "'");
}

}  // namespace scorematch::bench
