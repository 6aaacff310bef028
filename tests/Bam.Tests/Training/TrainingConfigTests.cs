using Bam.Configuration;
using Bam.Training;
using Bam.Training.Distributed;
using Shouldly;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace Bam.Tests.Training;

public sealed class TrainingConfigTests
{
    private const string Base = """
        model: seed
        output: runs/a
        learning_rate: 1e-3
        data:
          - {domain: law, path: data/law}
        """;

    [Fact]
    public void Reads_a_file_with_defaults()
    {
        var config = Parse(Base + "\ntokens: 5000\n");
        config.Model.ShouldBe("/c/seed");
        config.Data.ShouldBe([new TrainingDomain { Domain = "law", Path = "/c/data/law", Weight = 1 }]);
        config.Settings.ShouldBe(
            new TrainingSettings
            {
                LearningRate = 1e-3, Tokens = 5000, Freeze = config.Settings.Freeze, TrainOnly = config.Settings.TrainOnly,
            });
        config.Settings.TotalSteps.ShouldBe(3);
    }

    [Theory]
    [InlineData("steps: 1\ntokens: 1", "f.yaml:6: key 'steps' and key 'tokens' exclude each other")]
    [InlineData("log_every: 1", "key 'tokens' or key 'steps' is missing")]
    [InlineData("steps: 1\nconfig: small", "f.yaml:7: key 'model' and key 'config' exclude each other")]
    [InlineData(
        "steps: 1\ngradient_accumulation: 3",
        "f.yaml:7: key 'gradient_accumulation': expected a divisor of batch_size 8, found 3")]
    [InlineData(
        "steps: 1\nbatch_size: 2000000\nsequence_length: 2000",
        "f.yaml:7: key 'batch_size': expected at most 2,147,483,591 tokens in a step, "
        + "batch_size × (sequence_length + 1), found 4,002,000,000; lower one of the two")]
    [InlineData(
        "steps: 9223372036854775807",
        "f.yaml:6: key 'steps': expected at most 1,152,921,504,606,846,976 tokens in all, found more; lower it")]
    [InlineData(
        "tokens: 9223372036854775807",
        "f.yaml:6: key 'tokens': expected at most 1,152,921,504,606,846,976 tokens in all, found more; lower it")]
    [InlineData(
        "steps: 1\nthreads: 2000000000",
        "f.yaml:7: key 'threads': expected an integer of at least 1 and at most 4096, found '2000000000'")]
    [InlineData("steps: 1\nlerning_rate: 1", "f.yaml:7: key 'lerning_rate' is unknown, did you mean 'learning_rate'")]
    [InlineData("steps: 1\nbeta2: 1", "f.yaml:7: key 'beta2': expected a number of at least 0 and below 1, found '1'")]
    public void Refuses_what_makes_no_sense(string more, string message) =>
        Should.Throw<InvalidInputException>(() => Parse($"{Base}\n{more}\n")).Message.ShouldContain(message);

    [Fact]
    public void Refuses_a_domain_twice_and_no_domain()
    {
        Should.Throw<InvalidInputException>(() => Parse(Base + "\n  - {domain: law, path: b}\nsteps: 1"))
            .Message.ShouldContain("domain 'law' is there twice");
        Should.Throw<InvalidInputException>(() => Parse(Base + "\n  - {domain: '', path: b}\nsteps: 1"))
            .Message.ShouldStartWith("/c/f.yaml:4: key 'data': expected a name of each domain");
        Should.Throw<InvalidInputException>(() => Parse("model: a\noutput: b\nlearning_rate: 1\nsteps: 1\ndata: []"))
            .Message.ShouldContain("expected at least one domain");
    }

    [Fact]
    public void The_resolved_file_reads_back_equal_also_with_clipping_off()
    {
        var config = Parse(Base + "\nsteps: 3\nclip_norm: null\nfreeze: ['*router*']\nrouter_aux_loss_coef: 0\n");
        config.Settings.ClipNorm.ShouldBeNull();
        var again = ConfigFile.Parse<TrainingConfig>(ConfigWriter.Write(config), "/elsewhere/config.resolved.yaml");
        ConfigDifference.Between(config, again).ShouldBeNull();
        ConfigWriter.Fingerprint(again).ShouldBe(ConfigWriter.Fingerprint(config));
        again.Output.ShouldBe(config.Output);
    }

    [Fact]
    public void What_does_not_change_the_result_is_no_difference()
    {
        var config = Parse(Base + "\nsteps: 3\n");
        var settings = config.Settings with { Threads = 9, KeepCheckpoints = 7, EvaluateEvery = 1 };
        var other = config with { Output = "/b", Settings = settings };
        ConfigDifference.Between(config, other).ShouldBeNull();
        ConfigWriter.Fingerprint(other).ShouldBe(ConfigWriter.Fingerprint(config));
        ConfigDifference.Between(
            config, config with { Settings = config.Settings with { DataSeed = 1 } })!.Key.ShouldBe("data_seed");
        ConfigWriter.Fingerprint(config with { InitSeed = 1 }).ShouldNotBe(ConfigWriter.Fingerprint(config));
    }

    [Fact]
    public void The_scope_of_load_balancing_changes_the_result_and_its_default_no_hash_of_earlier_runs()
    {
        var config = Parse(Base + "\nsteps: 3\n");
        var other = config with { Settings = config.Settings with { LoadBalancingOver = LoadBalancingScope.MicroBatch } };

        ConfigDifference.Between(config, other).ShouldBe(new("load_balancing_over", "batch", "micro_batch"));
        ConfigWriter.Fingerprint(other).ShouldNotBe(ConfigWriter.Fingerprint(config));
        Compared(other).ShouldContain("load_balancing_over: micro_batch");
        Compared(config).ShouldNotContain("load_balancing_over");

        static string Compared(TrainingConfig config) =>
            ConfigWriter.Write((YamlMappingNode)ConfigWriter.Node(config, onlyWhatChangesResults: true)!);
    }

    private static TrainingConfig Parse(string yaml) => ConfigFile.Parse<TrainingConfig>(yaml, "/c/f.yaml");
}
