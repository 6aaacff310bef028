using System.Runtime.InteropServices;
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
        info.Attempts.ShouldContain(
            attempt => attempt.Contains("libtorch_cpu.so") && attempt.EndsWith("loaded", StringComparison.Ordinal));
        info.Threads.ShouldBeGreaterThan(0);
        info.AllocatorTuned.ShouldBeTrue();
        info.Environment.ShouldContain($"OMP_NUM_THREADS={info.Threads}");
        info.Configuration.ShouldContain("OpenMP");
    }

    [Theory]
    [InlineData("1.13.0", "avx2 fma avx512f avx512_bf16", false)]
    [InlineData("2.14.1", "avx2 fma avx512f avx512_vnni", false)]
    [InlineData("2.14.1", "avx2 fma avx512f avx512_bf16", true)]
    [InlineData("2.6.0", "avx2 fma avx512f amx_bf16", true)]
    public void Bfloat16_is_fast_with_its_instructions_and_libtorch_2(string version, string features, bool fast) =>
        (LibTorch.Info with { Version = version, CpuFeatures = features }).HasFastBfloat16.ShouldBe(fast);

    [SkippableFact]
    public void The_OpenMP_build_of_OpenBLAS_is_the_only_one_mapped_where_it_is_installed()
    {
        var info = LibTorch.Info;
        Skip.IfNot(
            File.Exists("/usr/lib/x86_64-linux-gnu/openblas-openmp/libopenblas.so.0"), "libopenblas0-openmp is not installed");
        Skip.If(info.BlasFiles.Count == 0, "this libtorch has its BLAS inside");

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
    public void A_text_in_a_librarys_place_is_passed_over_with_the_loaders_reason()
    {
        using var folder = new Folder();
        var library = Path.Combine(folder.Path, "libtorch_cpu.so");
        File.WriteAllText(library, new string('é', 200));
        var attempts = new List<string>();

        LibTorchSearch.LoadFirst(
            new BridgeRecord("/nowhere/libbam_torch.so", "9.9.0", "system", "/the/builds/choice"), new LibTorchOptions(),
            name => name == "LIBTORCH" ? folder.Path : null, attempts).ShouldBeNull();

        attempts[0].ShouldStartWith($"{library}: ");
        attempts[0].ShouldContain("header");
    }

    [SkippableFact]
    public void A_folder_that_cannot_be_read_is_passed_over_with_the_reason()
    {
        using var folder = new Folder();
        File.SetUnixFileMode(folder.Path, UnixFileMode.UserExecute);
        Skip.If(CanRead(folder.Path), "root reads every folder");
        var attempts = new List<string>();

        LibTorchSearch.LoadFirst(
            new BridgeRecord("/nowhere/libbam_torch.so", "9.9.0", "system", "/the/builds/choice"), new LibTorchOptions(),
            name => name == "LIBTORCH" ? folder.Path : null, attempts).ShouldBeNull();

        attempts[0].ShouldStartWith($"LIBTORCH: {folder.Path} cannot be read: ");

        static bool CanRead(string directory)
        {
            try
            {
                Directory.GetFiles(directory);
                return true;
            }
            catch (UnauthorizedAccessException)
            {
                return false;
            }
        }
    }

    [Fact]
    public void A_record_that_is_not_whole_is_no_bridge()
    {
        using var folder = new Folder();
        File.WriteAllText(Path.Combine(folder.Path, "libbam_torch.so"), "");
        File.WriteAllText(Path.Combine(folder.Path, "bam_torch.txt"), "version=1.13.0\nsou");
        var attempts = new List<string>();

        BridgeRecord.Find(folder.Path, attempts).ShouldBeNull();

        attempts.ShouldHaveSingleItem().ShouldContain("expected version, source and directory, found 'version=1.13.0 sou'");
    }

    [Fact]
    public void A_record_names_the_libraries_that_need_not_be_opened()
    {
        using var folder = new Folder();
        File.WriteAllText(Path.Combine(folder.Path, "libbam_torch.so"), "");
        File.WriteAllLines(
            Path.Combine(folder.Path, "bam_torch.txt"),
            ["version=1.13.0", "source=system", "directory=/d", "unused=liba.so.1;libb.so.2"]);
        var attempts = new List<string>();

        var bridge = BridgeRecord.Find(folder.Path, attempts)!;
        bridge.Unused.ShouldBe(["liba.so.1", "libb.so.2"]);
        bridge.LoadPlaceholders(attempts).ShouldBeEmpty();

        attempts.ShouldBeEmpty("there are no such files");
    }

    [SkippableFact]
    public void There_is_an_empty_library_for_each_that_libtorch_lists_and_does_not_use()
    {
        var bridge = BridgeRecord.Find(AppContext.BaseDirectory, []);
        Skip.If(bridge is null || bridge.Unused.Count == 0, "this libtorch uses all libraries that it lists");
        foreach (var name in bridge.Unused)
        {
            ElfFile.Needs(Path.Combine(bridge.Directory, "libtorch_cpu.so"), name).ShouldBeTrue();
            NativeLibrary.TryLoad(Path.Combine(AppContext.BaseDirectory, "unused", name), out var library).ShouldBeTrue(name);
            NativeLibrary.Free(library);
        }
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

    private sealed class Folder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("bam-torch-").FullName;

        public void Dispose()
        {
            File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            Directory.Delete(Path, recursive: true);
        }
    }
}
