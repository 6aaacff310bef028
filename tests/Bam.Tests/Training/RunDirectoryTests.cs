using Bam.Configuration;
using Bam.Training;
using Bam.Training.Distributed;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training;

public sealed class RunDirectoryTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly TrainingConfig config;

    private static readonly RunIdentity Identity = new()
    {
        ConfigSha256 = "c", ModelSha256 = new string('a', 64), Data = [new("law", "i", 5)],
        Compute = new()
        {
            Code = "1", LibTorch = "1.13.1", Blas = "OpenBLAS", Threads = 2, Device = "cpu", CpuFeatures = "avx512f",
        },
    };

    public RunDirectoryTests() => config = new()
    {
        Model = directory["seed"], Output = directory["run"], Data = [new() { Domain = "law", Path = directory["law"] }],
        Settings = new() { LearningRate = 1e-3, Steps = 5 },
    };

    [Fact]
    public void Records_the_configuration_and_the_identity()
    {
        using var run = RunDirectory.Open(config, Identity);
        ConfigDifference.Between(ConfigFile.Read<TrainingConfig>(run.ConfigPath), config).ShouldBeNull();
        RunIdentity.Load(run.IdentityPath).DifferenceTo(Identity).ShouldBeNull();
    }

    [Fact]
    public void A_second_process_is_kept_out()
    {
        using var run = RunDirectory.Open(config, Identity);
        Should.Throw<InvalidInputException>(() => RunDirectory.Open(config, Identity))
            .Message.ShouldContain("another bam is at work there");
    }

    [Fact]
    public void The_same_run_is_opened_again_with_other_settings_that_do_not_matter()
    {
        RunDirectory.Open(config, Identity).Dispose();
        using var run = RunDirectory.Open(config with { Settings = config.Settings with { KeepCheckpoints = 9 } }, Identity);
        ConfigFile.Read<TrainingConfig>(run.ConfigPath).Settings.KeepCheckpoints.ShouldBe(9);
    }

    [Fact]
    public void Another_configuration_is_refused_by_its_first_difference()
    {
        RunDirectory.Open(config, Identity).Dispose();
        Should.Throw<InvalidInputException>(
            () => RunDirectory.Open(config with { Settings = config.Settings with { Steps = 6 } }, Identity))
            .Message.ShouldContain("'steps' was 5, is 6");
    }

    [Fact]
    public void A_run_recorded_before_load_balancing_could_be_chosen_goes_on_with_the_default_only()
    {
        const string line = "load_balancing_over: batch\n";
        RunDirectory.Open(config, Identity).Dispose();
        var path = Path.Combine(config.Output, RunDirectory.ConfigFileName);
        var recorded = File.ReadAllText(path);
        recorded.ShouldContain(line);
        File.WriteAllText(path, recorded.Replace(line, "", StringComparison.Ordinal));

        RunDirectory.Open(config, Identity).Dispose();
        var other = config with { Settings = config.Settings with { LoadBalancingOver = LoadBalancingScope.MicroBatch } };
        Should.Throw<InvalidInputException>(() => RunDirectory.Open(other, Identity))
            .Message.ShouldContain("'load_balancing_over' was batch, is micro_batch");
    }

    [Fact]
    public void A_configuration_of_the_users_under_our_name_is_not_written_over()
    {
        Directory.CreateDirectory(config.Output);
        var file = Path.Combine(config.Output, RunDirectory.ConfigFileName);
        var written = ConfigWriter.Write(config);
        File.WriteAllText(file, $"# precious\n{written}");
        Should.Throw<InvalidInputException>(() => RunDirectory.Open(config, Identity))
            .Message.ShouldBe(
                $"{file}: was not written by Bam, and would be overwritten; give it another name, or choose another output");
        File.ReadAllText(file).ShouldBe($"# precious\n{written}");
        // As a process that was killed before it wrote the identity leaves it.
        File.WriteAllText(file, written);
        RunDirectory.Open(config with { Settings = config.Settings with { KeepCheckpoints = 9 } }, Identity).Dispose();
    }

    [Fact]
    public void Other_data_and_another_starting_model_are_refused()
    {
        RunDirectory.Open(config, Identity).Dispose();
        Should.Throw<InvalidInputException>(() => RunDirectory.Open(config, Identity with { Data = [new("law", "j", 5)] }))
            .Message.ShouldContain("other data for domain 'law'");
        Should.Throw<InvalidInputException>(() => RunDirectory.Open(config, Identity with { ModelSha256 = new string('b', 64) }))
            .Message.ShouldContain("another starting model");
        RunDirectory.Open(config, Identity with { ModelSha256 = null }).Dispose();
    }

    [Fact]
    public void A_directory_that_holds_something_else_under_our_names_is_refused()
    {
        Directory.CreateDirectory(Path.Combine(config.Output, "model"));
        Should.Throw<InvalidInputException>(() => RunDirectory.Open(config, Identity)).Message.ShouldContain("is there already");
    }

    [Fact]
    public void A_refused_directory_is_not_left_locked()
    {
        RunDirectory.Open(config, Identity).Dispose();
        Should.Throw<InvalidInputException>(() => RunDirectory.Open(config with { InitSeed = 3 }, Identity));
        RunDirectory.Open(config, Identity).Dispose();
    }

    [Fact]
    public void Other_threads_are_a_difference_of_the_computing_only()
    {
        var now = Identity.Compute with { Threads = 4, LibTorch = "2.14" };
        Identity.Compute.DifferenceTo(now).ShouldBe("libtorch 1.13.1, now 2.14; threads 2, now 4");
        Identity.Compute.DifferenceTo(Identity.Compute).ShouldBeNull();
        Identity.DifferenceTo(Identity with { Compute = now }).ShouldBeNull();
    }

    public void Dispose() => directory.Dispose();
}
