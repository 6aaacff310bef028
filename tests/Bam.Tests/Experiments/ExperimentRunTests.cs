using Bam.Experiments;
using Bam.Experiments.Findings;
using Bam.Experiments.Studies;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments;

/// <summary>Studies on toy text: units by seed number, kept figures, models that studies share.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class ExperimentRunTests : IDisposable
{
    private const string Base = """
        random_seeds: [1, 2]
        results: kept
        domains:
          general: { files: [general.txt], section_separator: "----" }
          law: { files: [law.txt], section_separator: "----" }
        tokenizer: { vocab_size: 300 }
        data: { held_out_fraction: 0.1, near_duplicate_similarity: 1, contamination_share: 1 }
        model: { hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
        training: { batch_size: 4, sequence_length: 16, device: cpu }
        seed: { steps: 4, learning_rate: 1e-2, shares: { general: 1, law: 1 } }
        experts: { law: { steps: 4 } }
        """;

    private const string First = """
        extends: base.yaml
        mixtures:
          btx: { method: btx, steps: 3 }
          dense: { method: dense, match: { mixture: btx, by: tokens } }
          sparse: { method: sparse, match: { mixture: btx, by: tokens } }
          by-loss: { method: btx, share_by: held_out_loss, match: { mixture: btx, by: tokens } }
        """;

    private const string Second = """
        extends: base.yaml
        mixtures:
          btx: { method: btx, steps: 3 }
          bam: { method: bam, of: [law], attention_init: mean, match: { mixture: btx, by: flops } }
        latency: { models: [btx, bam], prompt_tokens: 4, new_tokens: 3, runs: 2 }
        """;

    private readonly TemporaryDirectory directory = new();

    public ExperimentRunTests()
    {
        ToyDomains.Write(directory[""]);
        File.WriteAllText(directory["base.yaml"], Base);
        File.WriteAllText(directory["first.yaml"], First);
        File.WriteAllText(directory["second.yaml"], Second);
        File.WriteAllText(directory["recipe.yaml"], "studies: [first.yaml, second.yaml]");
    }

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Every_unit_of_every_study_runs_and_shares_what_they_have_in_common()
    {
        var studies = Run("recipe.yaml", "out");

        studies.Select(study => study.Name).ShouldBe(["first", "second"]);
        studies.ShouldAllBe(study => study.Units.Count == 2 && study.MissingSeeds.Count == 0);
        studies[0].Models.Select(model => (model.Name, model.Kind)).ShouldBe(
        [
            ("seed", ModelKind.Seed), ("law", ModelKind.Expert), ("btx", ModelKind.Btx), ("dense", ModelKind.Dense),
            ("sparse", ModelKind.Sparse),
            ("by-loss", ModelKind.Btx),
        ]);
        studies[0].Models[2].Experts.ShouldBe(["seed", "law"]);
        studies[0].Models[4].Experts.ShouldBe(["seed", "seed"]);
        studies[0].Of("btx", model => model.MeanPerplexity).Values
            .ShouldBe(studies[1].Of("btx", model => model.MeanPerplexity).Values);
        studies[0].Of("seed", model => model.MeanPerplexity).StandardDeviation.ShouldBeGreaterThan(0);
        studies[0].Models[2].Latency.ShouldBeNull();
        studies[1].Models[3].Latency!["own"].ShouldSatisfyAllConditions(
            latency => latency.CacheBytes.ShouldBe(2 * studies[1].Models[2].Latency!["own"].CacheBytes),
            latency => latency.Total.Median.ShouldBePositive());
        // Two seed numbers, each trained once for both studies, on one text.
        Directory.GetDirectories(directory["out/phases"], "train-seed-*").Length.ShouldBe(2);
        Directory.GetDirectories(directory["out/phases"], "train-btx-*").Length.ShouldBe(2);
        Directory.GetDirectories(directory["out/phases"], "data-law-*").Length.ShouldBe(1);
    }

    [Fact]
    public void Figures_that_are_kept_are_accepted_by_key_on_another_machine()
    {
        var before = Run("first.yaml", "out")[0];
        Directory.Delete(directory["out"], recursive: true);

        var after = Run("first.yaml", "elsewhere")[0];

        after.Units.Select(unit => unit.Created).ShouldBe(before.Units.Select(unit => unit.Created));
        Directory.Exists(directory["elsewhere/phases"]).ShouldBeFalse();
    }

    [Fact]
    public void A_changed_recipe_is_run_again_and_replaces_the_figures()
    {
        var before = Run("first.yaml", "out")[0];
        var changed = First.Replace("method: btx, steps: 3", "method: btx, steps: 5", StringComparison.Ordinal);
        File.WriteAllText(directory["first.yaml"], changed);
        Open("first.yaml", "out").Run([], SilentReporter.Instance, default)[0].Units.ShouldBeEmpty();

        var after = Run("first.yaml", "out")[0];

        after.Units[0].Models[2].TrainingTokens.ShouldBe(5 * 4 * 16);
        after.Units[0].Key.ShouldNotBe(before.Units[0].Key);
    }

    [Fact]
    public void Units_can_be_run_one_by_one()
    {
        var study = Open("first.yaml", "out").Run([2], SilentReporter.Instance, default)[0];

        study.Units.ShouldHaveSingleItem().RandomSeed.ShouldBe(2);
        study.MissingSeeds.ShouldBe([1]);
        Open("first.yaml", "out").Plan(null).Select(unit => (unit.Seed, unit.IsFinished)).ShouldBe([(1, false), (2, true)]);
    }

    [Fact]
    public void Seed_numbers_that_no_study_has_are_refused() =>
        Should.Throw<InvalidInputException>(() => Open("recipe.yaml", "out").Run([1, 7], SilentReporter.Instance, default))
            .Message
            .ShouldBe("seeds: expected one of 1, 2 (random_seeds), found 7; choose another or add it to the recipe");

    [Theory]
    [InlineData("models: [btx, bam]", "models: [btx, btx]", "key 'latency.models': expected at least one model, and none twice")]
    [InlineData(
        "models: [btx, bam]", "models: [btx, bam], presets: [bam-small, bam-small]",
        "key 'latency.presets': a preset is there twice; keep one")]
    [InlineData(
        "num_attention_heads: 2", "num_attention_heads: 2, max_position_embeddings: 16",
        "at least 104, the prompt and new tokens of 'latency'")]
    public void A_latency_that_cannot_be_measured_is_refused_before_any_training(string good, string bad, string message)
    {
        var second = Second.Replace("prompt_tokens: 4", "prompt_tokens: 101", StringComparison.Ordinal);
        foreach (var (file, text) in new[] { ("base.yaml", Base), ("second.yaml", second) })
            File.WriteAllText(directory[file], text.Replace(good, bad, StringComparison.Ordinal));

        Should.Throw<InvalidInputException>(() => Open("second.yaml", "out")).Message.ShouldContain(message);
    }

    [Fact]
    public void Kept_figures_speak_of_no_machine_paths()
    {
        Run("first.yaml", "out");

        File.ReadAllText(directory["kept/first-seed-1.json"]).ShouldNotContain(directory[""]);
    }

    [Fact]
    public void A_study_without_seed_numbers_is_refused()
    {
        var plain = Base.Replace("random_seeds: [1, 2]\nresults: kept", "", StringComparison.Ordinal);
        File.WriteAllText(directory["base.yaml"], plain);

        Should.Throw<InvalidInputException>(() => Open("recipe.yaml", "out")).Message
            .ShouldBe($"{directory["first.yaml"]}: key 'random_seeds' is missing; a study has one unit per seed");
    }

    [Fact]
    public void A_smoke_run_takes_every_path_on_text_of_its_own()
    {
        File.Delete(directory["law.txt"]);

        var smoke = ExperimentRun.Open(directory["recipe.yaml"], directory["smoke"], isSmoke: true);

        var studies = smoke.Run(null, SilentReporter.Instance, default);

        studies.ShouldAllBe(study => study.Units.Count == 2);
        studies.ShouldAllBe(study => study.Claims.Count == 0 && study.Title == $"{study.Name}: smoke test");
        Directory.Exists(directory["kept"]).ShouldBeFalse();
    }

    private ExperimentRun Open(string recipe, string output) => ExperimentRun.Open(directory[recipe], directory[output]);

    private IReadOnlyList<Study> Run(string recipe, string output) =>
        Open(recipe, output).Run(null, SilentReporter.Instance, default);
}
