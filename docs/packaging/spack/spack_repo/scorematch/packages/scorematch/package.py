# The Spack recipe. Not tried: see docs/packaging/README.md.
from spack_repo.builtin.build_systems.cmake import CMakePackage
from spack_repo.builtin.build_systems.cuda import CudaPackage

from spack.package import *


class Scorematch(CMakePackage, CudaPackage):
    """Score matching for C++: losses, gradients, samplers."""

    license("MIT")

    # There is no address to download from; `spack develop` gives the sources.
    version("0.2.0")

    variant("shared", default=True, description="Build the library shared")
    variant("command", default=False, description="Build the command `scorematch`")
    variant("cpu", default=True, description="Build the cpu engine")

    depends_on("cxx", type="build")
    depends_on("cmake@3.22:", type="build")
    depends_on("nlohmann-json@3.9:")
    depends_on("highway", when="+cpu")
    depends_on("cuda@12.0:", when="+cuda")
    with when("+command"):
        depends_on("cli11@2.1:")
        depends_on("eigen@3.3:3")
        depends_on("libpng")
        depends_on("zlib-api")

    def cmake_args(self):
        args = [
            self.define_from_variant("BUILD_SHARED_LIBS", "shared"),
            self.define_from_variant("SCOREMATCH_BUILD_COMMAND", "command"),
            self.define_from_variant("SCOREMATCH_CPU", "cpu"),
            self.define_from_variant("SCOREMATCH_CUDA", "cuda"),
            self.define("SCOREMATCH_MPI", "OFF"),
        ]
        architectures = self.spec.variants["cuda_arch"].value if self.spec.satisfies("+cuda") else ("none",)
        if "none" not in architectures:
            args.append(self.define("CMAKE_CUDA_ARCHITECTURES", architectures))
        return args
