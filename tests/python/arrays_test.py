"""Arrays of other libraries: their memory is used in place, and what the library cannot use is refused by name.

No GPU is needed: what describes an array on one is read, not its memory.
"""

import ctypes
import gc
import unittest

from support import Loss, host_engine, np, sines, sm

from scorematch import dlpack
from scorematch.arrays import view_of


class Tensor:
    """The attributes of a PyTorch tensor."""

    def __init__(self, array, device="cpu"):
        self.array, self.shape, self.dtype, self.device = array, array.shape, f"torch.{array.dtype}", device

    def data_ptr(self):
        return self.array.ctypes.data

    def stride(self):
        return tuple(s // self.array.itemsize for s in self.array.strides)


class Packed:
    """An array with DLPack alone, which it exports through NumPy."""

    def __init__(self, array, device=1):
        self.array, self.device = array, device

    def __dlpack_device__(self):
        return (self.device, 0)

    def __dlpack__(self, stream=None):
        return self.array.__dlpack__()  # of NumPy, which has no streams


class Versioned(Packed):
    """The same with DLPack 1.0, which NumPy has since 2.1."""

    flags = 0

    def __dlpack__(self, stream=None, max_version=None):
        self.stream, array = stream, self.array
        self.shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        self.strides = (ctypes.c_int64 * array.ndim)(*(s // array.itemsize for s in array.strides))
        bits = 8 * array.itemsize
        tensor = dlpack._Tensor(
            array.ctypes.data, self.device, 0, array.ndim, 2, bits, 1, self.shape, self.strides, 0
        )
        self.managed = dlpack._VersionedTensor(1, 0, None, None, self.flags, tensor)
        make = ctypes.pythonapi.PyCapsule_New
        make.argtypes, make.restype = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p), ctypes.py_object
        return make(ctypes.addressof(self.managed), b"dltensor_versioned", None)


class Interface:
    """NumPy's array interface, or CUDA's, and nothing else."""

    def __init__(self, name, array, **more):
        self.array = array
        setattr(self, name, {**array.__array_interface__, **more})


class Gpu:
    """Where a queue on a GPU computes."""

    on_host = False

    def __init__(self, stream=None):
        self.stream = stream


class HostTest(unittest.TestCase):
    def test_every_kind_is_used_in_place(self):
        loss = Loss(host_engine())
        whole = loss(sines())
        for kind in (Tensor, Packed, Versioned, lambda array: Interface("__array_interface__", array)):
            grad = np.empty_like(loss.grad)
            self.assertEqual(loss(kind(sines()), grad=kind(grad)), whole)
            np.testing.assert_array_equal(grad, loss.grad)

    def test_gaps_between_rows_are_respected(self):
        loss = Loss(host_engine())
        whole = loss(sines())
        for kind in (Tensor, Packed, Versioned, lambda array: Interface("__array_interface__", array)):
            table = np.full((len(sines()), 9), np.nan, np.float32)
            table[:, 2:7] = sines()
            self.assertEqual(loss(kind(table[:, 2:7])), whole)

    def test_memory_that_an_array_exports_lives_until_the_call_ends(self):
        class Copying(Packed):  # each call exports new memory, which only the capsule owns
            def __dlpack__(self, stream=None):
                return np.array(self.array).__dlpack__()

        loss = Loss(host_engine())
        whole = loss(sines())
        gc.disable()
        self.assertEqual(loss(Copying(sines()), params=Copying(loss.params)), whole)
        gc.enable()

    def test_refuses_memory_of_other_devices(self):
        loss = Loss(host_engine())
        for array in (
            Tensor(sines(), "cuda:0"),
            Packed(sines(), device=2),
            Interface("__cuda_array_interface__", sines()),
        ):
            with self.assertRaisesRegex(ValueError, "x: expected host memory, like the engine's, got device memory"):
                loss(array)
        with self.assertRaisesRegex(ValueError, "x: expected host memory, like the engine's, got memory of 'meta'"):
            loss(Tensor(sines(), "meta"))
        with self.assertRaisesRegex(ValueError, "x: expected host memory, like the engine's, got memory of 'that of"):
            loss(Packed(sines(), device=7))

    def test_refuses_to_write_what_is_read_only(self):
        loss = Loss(host_engine())
        for flags in (1, 2):  # read-only; a copy of the array
            grad = Versioned(loss.grad)
            grad.flags = flags
            with self.assertRaisesRegex(ValueError, "grad: expected a writable array, got a read-only one"):
                loss(sines(), grad=grad)
        frozen = sines()
        frozen.flags.writeable = False
        with self.assertRaisesRegex(ValueError, "grad: expected a writable array, got a read-only one"):
            loss(sines(), grad=Interface("__array_interface__", frozen))
        with self.assertRaisesRegex(ValueError, "x: expected an array that DLPack can export, got one that it cannot"):
            loss(Packed(frozen))

    def test_refuses_types_and_strides(self):
        loss = Loss(host_engine())
        for kind in (Tensor, Packed):
            with self.assertRaisesRegex(TypeError, "x: expected float32, float64 or int64, got float16"):
                loss(kind(sines().astype(np.float16)))
        pairs = np.zeros((96, 5), [("value", "f4"), ("flag", "i2")])["value"]
        with self.assertRaisesRegex(ValueError, r"x: expected strides that are multiples of 4 bytes, got \(30, 6\)"):
            loss(pairs)


class GpuTest(unittest.TestCase):
    def test_describes_arrays_of_a_gpu(self):
        table = np.zeros((4, 9), np.float32)
        array = table[:, 2:7]
        for of_gpu in (
            Tensor(array, "cuda:0"),
            Packed(array, device=2),
            Versioned(array, device=13),
            Interface("__cuda_array_interface__", array, stream=None),
            Interface("__cuda_array_interface__", array, stream=1),
        ):
            view = view_of(of_gpu, "x", Gpu(), written=True)
            self.assertEqual((view.data, view.dtype, view.shape.rank), (array.ctypes.data, 0, 2))
            self.assertEqual((list(view.shape.extent)[:2], list(view.stride)[:2]), ([4, 5], [9, 1]))

    def test_refuses_host_memory(self):
        for array in (sines(), Tensor(sines()), Packed(sines()), Interface("__array_interface__", sines())):
            with self.assertRaisesRegex(ValueError, "x: expected device memory, like the engine's, got host memory"):
                view_of(array, "x", Gpu())

    def test_dlpack_is_told_the_stream_of_the_queue(self):
        for stream, told in ((None, 1), (0, 1), (1234, 1234)):
            array = Versioned(sines(), device=2)
            view_of(array, "x", Gpu(stream))
            self.assertEqual(array.stream, told)

    def test_refuses_an_array_of_another_stream(self):
        array = Interface("__cuda_array_interface__", sines(), stream=55)
        view_of(array, "x", Gpu(55))
        with self.assertRaisesRegex(ValueError, "x: expected an array of the queue's stream, 1, got one of stream 55"):
            view_of(array, "x", Gpu())

    def test_a_view_of_device_memory_has_the_interface_of_cuda(self):
        array = np.zeros((3, 2))
        view = sm.View(view_of(array, "x", sm.Queue(host_engine())), on_host=False)
        interface = view.__cuda_array_interface__
        self.assertEqual(interface["data"], (array.ctypes.data, False))
        self.assertEqual((interface["shape"], interface["strides"], interface["typestr"]), ((3, 2), (16, 8), "<f8"))
        self.assertFalse(hasattr(view, "__array_interface__"))
        with self.assertRaisesRegex(ValueError, "numpy: expected host memory, got device memory"):
            view.numpy()
        self.assertFalse(hasattr(host_engine().zeros(3), "__cuda_array_interface__"))


if __name__ == "__main__":
    unittest.main()
