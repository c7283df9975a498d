#include "scorematch/error.h"

#include <utility>

namespace scorematch {

Error::Error(ErrorCode code, std::string argument, const std::string& message)
    : std::runtime_error(message), code_(code), argument_(std::move(argument)) {}

}  // namespace scorematch
