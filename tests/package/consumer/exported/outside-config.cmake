include(CMakeFindDependencyMacro)
find_dependency(scorematch 0.2)
include(${CMAKE_CURRENT_LIST_DIR}/outside-targets.cmake)
