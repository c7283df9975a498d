// Torch tensors as the library's views: the same memory, without copies.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "scorematch/error.h"
#include "scorematch/view.h"

namespace torch_bridge {

[[noreturn]] inline void refuse(const std::string& argument, const std::string& expected, const std::string& got) {
  throw scorematch::Error(scorematch::ErrorCode::invalid_argument, argument,
                          argument + ": expected " + expected + ", got " + got);
}

template <class T>
std::string describe(const T& value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

inline scorematch::DType dtype_of(const torch::Tensor& tensor, const char* name) {
  if (tensor.scalar_type() == torch::kFloat32) return scorematch::DType::f32;
  if (tensor.scalar_type() == torch::kFloat64) return scorematch::DType::f64;
  if (tensor.scalar_type() == torch::kInt64) return scorematch::DType::i64;
  refuse(name, "float32, float64 or int64", describe(tensor.scalar_type()));
}

/// A tensor of up to three axes with its strides; a scalar counts as [1], an undefined tensor as not given. The plan
/// itself checks what it requires of a view (shape, type, a last axis without gaps), with the same names. The tensor
/// must outlive the work that is enqueued with the view.
/// @throws Error if there is no such view: layout, number of axes, element type, another kind of device.
inline scorematch::View as_view(const torch::Tensor& tensor, const char* name, torch::DeviceType device) {
  if (!tensor.defined()) return {};
  if (tensor.layout() != torch::kStrided) refuse(name, "a strided tensor", describe(tensor.layout()));
  if (tensor.device().type() != device) refuse(name, "a tensor on " + describe(device), describe(tensor.device()));
  if (tensor.dim() > 3) refuse(name, "at most 3 axes", std::to_string(tensor.dim()));
  scorematch::View view;
  view.data = tensor.data_ptr();
  view.dtype = dtype_of(tensor, name);
  if (tensor.dim() == 0) view.shape = 1, view.stride[0] = 1;
  std::int64_t dense = 1;  // torch leaves the stride of an axis of one element undefined
  for (std::int64_t axis = tensor.dim() - 1; axis >= 0; --axis) {
    view.shape.extent[axis] = tensor.size(axis);
    view.stride[axis] = tensor.size(axis) > 1 ? tensor.stride(axis) : dense;
    dense = view.stride[axis] * tensor.size(axis);
  }
  if (tensor.dim() > 0) view.shape.rank = static_cast<std::int32_t>(tensor.dim());
  return view;
}

/// A view of contiguous tensors, which follow each other without gaps, as one vector. [P]
/// @throws Error if there are gaps, or if they have several types.
inline scorematch::View as_flat_view(const std::vector<torch::Tensor>& tensors, const char* name,
                                     torch::DeviceType device) {
  if (tensors.empty()) refuse(name, "at least one tensor", "none");
  scorematch::View whole;
  std::int64_t count = 0;
  for (const torch::Tensor& each : tensors) {
    if (!each.defined()) refuse(name, "tensors", "an undefined one");
    if (each.layout() != torch::kStrided || !each.is_contiguous())
      refuse(name, "contiguous tensors", "one of shape " + describe(each.sizes()) + " that is not contiguous");
    const scorematch::View view = as_view(each.detach().view({-1}), name, device);
    if (whole.shape.rank == 0) whole = view;
    if (view.dtype != whole.dtype) refuse(name, "tensors of one type", "several");
    const std::int64_t bytes = count * static_cast<std::int64_t>(each.element_size());
    if (view.data != static_cast<char*>(whole.data) + bytes)
      refuse(name, "tensors that follow each other without gaps (see flatten_parameters)",
             "one of shape " + describe(each.sizes()) + " elsewhere");
    count += each.numel();
  }
  whole.shape = count;
  return whole;
}

/// Moves the parameters of a module, in their order, into contiguous memory, and returns all of it. They stay
/// parameters, each with a gradient. Call it again after `module.to(...)`, which moves them one by one. [P]
template <class Module>
torch::Tensor flatten_parameters(Module& module) {
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& each : module.parameters()) parts.push_back(each.detach().reshape({-1}));
  torch::Tensor flat = torch::cat(parts);
  std::int64_t begin = 0;
  for (torch::Tensor& each : module.parameters()) {
    each.set_data(flat.narrow(0, begin, each.numel()).view_as(each));
    begin += each.numel();
  }
  return flat;
}

}  // namespace torch_bridge
