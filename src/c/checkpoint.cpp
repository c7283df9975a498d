// Checkpoints.
#include "scorematch/checkpoint.h"

#include <algorithm>
#include <iterator>

#include "c/handles.h"
#include "checks/argument.h"
#include "checks/descriptions.h"
#include "formats/spec_plans.h"

using namespace scorematch;
using namespace scorematch::c;

struct scorematch_checkpoint {
  Checkpoint checkpoint;
  std::string loss = checkpoint.loss ? loss_text(*checkpoint.loss) : "";
};

namespace {

const Checkpoint& of(const scorematch_checkpoint* checkpoint) { return need(checkpoint, "checkpoint").checkpoint; }
Checkpoint& of(scorematch_checkpoint* checkpoint) { return need(checkpoint, "checkpoint").checkpoint; }

void copy_out(const std::vector<float>& from, float* to, const char* name) {
  std::copy(from.begin(), from.end(), &need(to, name, "memory"));
}

/// Returns NULL past the last key.
template <class Map>
const char* key_at(const Map& map, std::int32_t index) {
  if (index < 0) throw_invalid("index", "at least 0", std::to_string(index));
  if (static_cast<std::size_t>(index) >= map.size()) return nullptr;
  return std::next(map.begin(), index)->first.c_str();
}

}  // namespace

scorematch_status scorematch_checkpoint_create(const scorematch_net* net, const float* params, int64_t count,
                                               scorematch_checkpoint** checkpoint) {
  return make_handle(checkpoint, "checkpoint", [&] {
    Checkpoint made;
    made.net = need(net, "net").net;
    check_count("count", count, made.net.param_count());
    need(params, "params", "memory");
    made.params.assign(params, params + count);
    return made;
  });
}
scorematch_status scorematch_checkpoint_load(const char* path, scorematch_checkpoint** checkpoint) {
  return make_handle(checkpoint, "checkpoint", [&] { return Checkpoint::load(need_text(path, "path")); });
}
scorematch_status scorematch_checkpoint_save(const scorematch_checkpoint* checkpoint, const char* path) {
  return guard([&] { of(checkpoint).save(need_text(path, "path")); });
}
void scorematch_checkpoint_destroy(scorematch_checkpoint* checkpoint) { delete checkpoint; }

scorematch_status scorematch_checkpoint_net(const scorematch_checkpoint* checkpoint, scorematch_net** net) {
  return make_handle(net, "net", [&] { return net_handle(of(checkpoint).net); });
}
scorematch_status scorematch_checkpoint_params(const scorematch_checkpoint* checkpoint, float* params, int64_t count) {
  return guard([&] {
    check_count("count", count, static_cast<std::int64_t>(of(checkpoint).params.size()));
    copy_out(of(checkpoint).params, params, "params");
  });
}
scorematch_status scorematch_checkpoint_sampling_params(const scorematch_checkpoint* checkpoint, float* params,
                                                        int64_t count) {
  return guard([&] {
    check_count("count", count, static_cast<std::int64_t>(of(checkpoint).sampling_params().size()));
    copy_out(of(checkpoint).sampling_params(), params, "params");
  });
}

scorematch_status scorematch_checkpoint_set_adam(scorematch_checkpoint* checkpoint,
                                                 const scorematch_adam_snapshot* snapshot) {
  return guard([&] {
    Checkpoint& to = of(checkpoint);
    if (snapshot == nullptr) return to.adam.reset();
    check(snapshot->snapshot, to.net.param_count());
    to.adam = snapshot->snapshot;
  });
}
scorematch_status scorematch_checkpoint_adam(const scorematch_checkpoint* checkpoint,
                                             scorematch_adam_snapshot** snapshot) {
  return guard([&] {
    scorematch_adam_snapshot*& handle = need(snapshot, "snapshot", "the address of a handle");
    handle = nullptr;
    if (of(checkpoint).adam) handle = new scorematch_adam_snapshot(snapshot_handle(*of(checkpoint).adam));
  });
}
scorematch_status scorematch_checkpoint_set_noise(scorematch_checkpoint* checkpoint,
                                                  const scorematch_noise_position* position) {
  return guard([&] {
    const NoiseState::Position given = position_of(need(position, "position", "a struct"));
    check(given);
    of(checkpoint).noise = given;
  });
}
scorematch_status scorematch_checkpoint_noise(const scorematch_checkpoint* checkpoint,
                                              scorematch_noise_position* position) {
  return give(position, "position", [&] { return position_of(of(checkpoint).noise); });
}

scorematch_status scorematch_checkpoint_set_standardization(scorematch_checkpoint* checkpoint, const double* mean,
                                                            const double* scale, const double* warp,
                                                            const double* mixing, int32_t columns) {
  return guard([&] {
    Checkpoint& to = of(checkpoint);
    Standardization given;
    if (mean != nullptr || scale != nullptr || columns != 0) {
      if (columns < to.net.dim)
        throw_invalid("columns", "at least " + std::to_string(to.net.dim) + ", the number of the network's inputs",
                      std::to_string(columns));
      need(mean, "mean", "memory");
      need(scale, "scale", "memory");
      given.mean.assign(mean, mean + columns);
      given.scale.assign(scale, scale + columns);
      if (warp != nullptr) given.warp.assign(warp, warp + columns);
      if (mixing != nullptr)
        given.mixing.assign(mixing, mixing + given.coordinates().size() * static_cast<std::size_t>(to.net.dim));
    }
    to.standardization = std::move(given);
  });
}
scorematch_status scorematch_checkpoint_standardization(const scorematch_checkpoint* checkpoint, const double** mean,
                                                        const double** scale, const double** warp,
                                                        const double** mixing, int32_t* columns) {
  return guard([&] {
    const Standardization& from = of(checkpoint).standardization;
    need(mean, "mean", "the address of the result");
    need(scale, "scale", "the address of the result");
    need(warp, "warp", "the address of the result");
    need(mixing, "mixing", "the address of the result");
    need(columns, "columns", "the address of the result");
    *columns = static_cast<std::int32_t>(from.mean.size());
    *mean = from.mean.empty() ? nullptr : from.mean.data();
    *scale = from.scale.empty() ? nullptr : from.scale.data();
    *warp = from.warp.empty() ? nullptr : from.warp.data();
    *mixing = from.mixing.empty() ? nullptr : from.mixing.data();
  });
}

scorematch_status scorematch_checkpoint_set_loss(scorematch_checkpoint* checkpoint, const char* loss) {
  return guard([&] {
    Checkpoint& to = of(checkpoint);
    std::optional<Loss> given;
    if (loss != nullptr) {
      MetadataReader reader = MetadataReader::of_text("loss", loss);
      given = read_loss(reader, read_sigma_data(reader));
      reader.refuse_rest();
      check(given->objective, to.net.dim);
      check(given->schedule);
      check(given->weighting, to.net.parameterization);
    }
    to.loss = std::move(given);
    checkpoint->loss = to.loss ? loss_text(*to.loss) : "";
  });
}
scorematch_status scorematch_checkpoint_loss(const scorematch_checkpoint* checkpoint, const char** loss) {
  return give(loss, "loss", [&] { return of(checkpoint).loss ? checkpoint->loss.c_str() : nullptr; });
}

scorematch_status scorematch_checkpoint_set_metadata(scorematch_checkpoint* checkpoint, const char* key,
                                                     const char* value) {
  return guard([&] {
    auto& metadata = of(checkpoint).metadata;
    if (value == nullptr)
      metadata.erase(need_text(key, "key"));
    else
      metadata[need_text(key, "key")] = value;
  });
}
scorematch_status scorematch_checkpoint_metadata(const scorematch_checkpoint* checkpoint, const char* key,
                                                 const char** value) {
  return give(value, "value", [&] {
    const auto found = of(checkpoint).metadata.find(need_text(key, "key"));
    return found == of(checkpoint).metadata.end() ? nullptr : found->second.c_str();
  });
}
scorematch_status scorematch_checkpoint_metadata_key(const scorematch_checkpoint* checkpoint, int32_t index,
                                                     const char** key) {
  return give(key, "key", [&] { return key_at(of(checkpoint).metadata, index); });
}

scorematch_status scorematch_checkpoint_set_array(scorematch_checkpoint* checkpoint, const char* key,
                                                  const double* values, int64_t count) {
  return guard([&] {
    auto& arrays = of(checkpoint).arrays;
    const std::string name = need_text(key, "key");
    if (count < 0) throw_invalid("count", "at least 0", std::to_string(count));
    if (values == nullptr && count == 0) {
      arrays.erase(name);
      return;
    }
    need(values, "values", "memory");
    arrays.insert_or_assign(name, std::vector<double>(values, values + count));
  });
}
scorematch_status scorematch_checkpoint_array(const scorematch_checkpoint* checkpoint, const char* key,
                                              const double** values, int64_t* count) {
  return guard([&] {
    static const double no_values = 0;  // the address of an array that exists but is empty
    const auto& arrays = of(checkpoint).arrays;
    const auto found = arrays.find(need_text(key, "key"));
    need(values, "values", "the address of the result");
    need(count, "count", "the address of the result");
    const bool there = found != arrays.end();
    *count = there ? static_cast<std::int64_t>(found->second.size()) : 0;
    *values = !there ? nullptr : *count == 0 ? &no_values : found->second.data();
  });
}
scorematch_status scorematch_checkpoint_array_key(const scorematch_checkpoint* checkpoint, int32_t index,
                                                  const char** key) {
  return give(key, "key", [&] { return key_at(of(checkpoint).arrays, index); });
}
