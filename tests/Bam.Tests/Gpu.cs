using Bam.Torch;
using Xunit;

namespace Bam.Tests;

/// <summary>For tests that compute on a GPU: they skip themselves where there is none.</summary>
internal static class Gpu
{
    /// <summary>The first GPU.</summary>
    public static Device Require()
    {
        Skip.If(Device.CudaCount == 0, "no CUDA device here");
        return Device.Cuda();
    }
}
