using Bam.Torch;
using Xunit;

namespace Bam.Tests;

/// <summary>For tests on a GPU: they are skipped if there is none.</summary>
internal static class Gpu
{
    /// <summary>The first GPU.</summary>
    public static Device Require()
    {
        Skip.If(Device.CudaCount == 0, "no CUDA device here");
        return Device.Cuda();
    }
}
