"""The Conan 2 recipe. Its dependencies are system packages: see ../README.md."""
import re
from pathlib import Path

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy
from conan.tools.system.package_manager import Apt

SOURCES = ("CMakeLists.txt", "LICENSE", "docs/changelog.md", "include/*", "kernels/*", "src/*")


class Scorematch(ConanFile):
    name = "scorematch"
    description = "Score matching for C++: losses, gradients, samplers"
    license = "MIT"
    topics = ("score-matching", "diffusion", "machine-learning")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "command": [True, False], "cpu": [True, False], "cuda": [True, False]}
    default_options = {"shared": False, "command": False, "cpu": True, "cuda": False}
    no_copy_source = True

    @property
    def _repository(self):
        return Path(self.recipe_folder).parents[2]

    def set_version(self):
        header = (self._repository / "include/scorematch/version.h").read_text()
        self.version = re.search(r'define SCOREMATCH_VERSION "(.*)"', header).group(1)

    def export_sources(self):
        for pattern in SOURCES:
            copy(self, pattern, self._repository, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def validate(self):
        check_min_cppstd(self, 17)
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration(f"scorematch supports Linux only, got {self.settings.os}")

    def system_requirements(self):
        packages = ["nlohmann-json3-dev"]
        if self.options.cpu:
            packages.append("libhwy-dev")
        if self.options.command:
            packages += ["libcli11-dev", "libeigen3-dev", "libpng-dev"]
        Apt(self).install(packages)

    def generate(self):
        toolchain = CMakeToolchain(self)  # sets BUILD_SHARED_LIBS from the option `shared`
        toolchain.cache_variables["SCOREMATCH_BUILD_COMMAND"] = bool(self.options.command)
        # ON and OFF, not AUTO: what a package has must follow from its options.
        toolchain.cache_variables["SCOREMATCH_CPU"] = "ON" if self.options.cpu else "OFF"
        toolchain.cache_variables["SCOREMATCH_CUDA"] = "ON" if self.options.cuda else "OFF"
        toolchain.cache_variables["SCOREMATCH_MPI"] = "OFF"
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        # find_package takes the files that CMake installed, which know the engines as components. The rest is for
        # generators of other build systems.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs = ["lib/cmake/scorematch"]
        self.cpp_info.libs = ["scorematch"]
        if not self.options.shared:
            self.cpp_info.system_libs = ["pthread", "m"]
            if self.options.cpu:
                self.cpp_info.system_libs.append("hwy")
            if self.options.cuda:
                self.cpp_info.system_libs += ["cudart_static", "dl", "rt"]
