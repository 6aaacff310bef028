using Shouldly;
using Xunit;

namespace Bam.Torch.Tests;

public sealed class LibTorchTests
{
    [Fact]
    public void Info_says_what_was_loaded_and_how()
    {
        var info = LibTorch.Info;

        LibTorch.IsAvailable(out var whyNot).ShouldBeTrue(whyNot);
        info.Version.ShouldMatch(@"^\d+\.\d+\.\d+");
        File.Exists(info.Bridge).ShouldBeTrue();
        Directory.Exists(info.Directory).ShouldBeTrue();
        info.Attempts.ShouldContain(attempt => attempt.Contains("libtorch_cpu.so") && attempt.EndsWith("loaded", StringComparison.Ordinal));
        info.Threads.ShouldBeGreaterThan(0);
        info.AllocatorTuned.ShouldBeTrue();
        info.Environment.ShouldContain($"OMP_NUM_THREADS={info.Threads}");
        info.Configuration.ShouldContain("OpenMP");
    }

    [Fact]
    public void The_OpenMP_build_of_OpenBLAS_is_the_only_one_mapped_where_it_is_installed()
    {
        var info = LibTorch.Info;
        if (!File.Exists("/usr/lib/x86_64-linux-gnu/openblas-openmp/libopenblas.so.0") || info.BlasFiles.Count == 0)
            return;

        info.BlasFiles.ShouldAllBe(file => file.Contains("openblas-openmp"));
        info.Blas.ShouldContain("USE_OPENMP");
        info.Blas.ShouldNotContain("Prescott");
    }

    [Fact]
    public void Places_are_tried_in_order_and_each_failure_says_why()
    {
        var bridge = new BridgeRecord("/nowhere/libbam_torch.so", "9.9.0", "system", "/the/builds/choice");
        var attempts = new List<string>();

        var found = LibTorchSearch.LoadFirst(
            bridge, new LibTorchOptions(), name => name == "LIBTORCH" ? "/asked/for" : null, attempts);

        found.ShouldBeNull();
        attempts[0].ShouldBe("LIBTORCH: /asked/for/lib has no libtorch_cpu.so");
        attempts[1].ShouldBe("the build's choice (system): /the/builds/choice has no libtorch_cpu.so");
        if (attempts.Count > 2)
            attempts[2].ShouldContain("the bridge was built for 9.9.0; 'dotnet build' rebuilds it");
    }

    [Fact]
    public void A_file_that_is_no_library_is_reported_with_the_loaders_reason()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "bam_torch.txt");
        var attempts = new List<string>();

        NativeFile.TryLoad(file, attempts, out _).ShouldBeFalse();

        attempts.ShouldHaveSingleItem().ShouldStartWith($"{file}: ");
        attempts[0].ShouldContain("header");
    }

    [Fact]
    public void What_a_library_needs_is_read_without_loading_it()
    {
        var bridge = LibTorch.Info.Bridge;

        ElfFile.Needs(bridge, "libstdc++.so.6").ShouldBeTrue();
        ElfFile.Needs(bridge, "libblas.so.3").ShouldBeFalse();
        ElfFile.Needs(Path.Combine(AppContext.BaseDirectory, "bam_torch.txt"), "libstdc++.so.6").ShouldBeFalse();
    }

    [Fact]
    public void The_matrix_peak_is_a_plausible_rate() =>
        MatrixPeak.Measure(TimeSpan.FromMilliseconds(1)).ShouldBeInRange(0.1, 1e6);
}
