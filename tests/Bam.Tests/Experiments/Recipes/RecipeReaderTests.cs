using Bam.Experiments.Recipes;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Recipes;

public sealed class RecipeReaderTests : IDisposable
{
    private const string Short = """
        domains:
          general: { files: [general.txt] }
          law: { files: [law/*.txt] }
        model: { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
        seed: { tokens: 1e6, learning_rate: 2e-3 }
        experts:
          law: { tokens: 4e5 }
        mixtures:
          btx: { method: btx, tokens: 3e5 }
          bam: { method: bam, match: { mixture: btx, by: core_seconds } }
        """;

    private readonly string directory = Directory.CreateTempSubdirectory("bam-recipe-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void Defaults_make_a_recipe_short()
    {
        var recipe = Read(Short);

        recipe.Name.ShouldBe(Path.GetFileName(directory));
        recipe.Domains["law"].Files.ShouldBe([Path.Combine(directory, "law/*.txt")]);
        recipe.Experts["law"].GeneralShare.ShouldBe(0.1);
        recipe.Seed.Training.LearningRate.ShouldBe(2e-3);
        recipe.Experts["law"].Training.LearningRate.ShouldBe(1e-3);
        recipe.Mixtures["btx"].Training.LearningRate.ShouldBe(1e-3);
        recipe.Mixtures["bam"].Match.ShouldBe(new BudgetMatch { Mixture = "btx", By = MatchBy.CoreSeconds });
        recipe.Mixtures["bam"].IsTrained.ShouldBeTrue();
    }

    [Theory]
    [InlineData("README.md")]
    [InlineData("docs/experiments.md")]
    public void The_recipe_that_the_documentation_shows_is_whole(string page)
    {
        var text = File.ReadAllText(Path.Combine(Fixtures.Recipes, "..", page));
        var start = text.IndexOf("```yaml\ndomains:", StringComparison.Ordinal) + "```yaml\n".Length;
        var recipe = Read(text[start..text.IndexOf("```", start, StringComparison.Ordinal)]);

        recipe.Domains.Keys.ShouldContain("law");
        recipe.Mixtures["bam"].IsTrained.ShouldBeTrue();
    }

    [Fact]
    public void Common_training_keys_hold_unless_a_phase_has_its_own()
    {
        var recipe = Read(Short
            .Replace("tokens: 4e5", "tokens: 4e5, batch_size: 7, data_seed: 3", StringComparison.Ordinal)
            .Replace("method: btx, ", "method: btx, learning_rate: 5e-4, ", StringComparison.Ordinal)
            + "\nrandom_seed: 11\ntraining: { batch_size: 5, sequence_length: 32, learning_rate: 9e-3 }");

        recipe.Seed.Training.ShouldSatisfyAllConditions(t => t.BatchSize.ShouldBe(5), t => t.LearningRate
            .ShouldBe(2e-3), t => t.DataSeed.ShouldBe(11));
        recipe.Experts["law"].Training.ShouldSatisfyAllConditions(
            t => t.BatchSize.ShouldBe(7), t => t.SequenceLength.ShouldBe(32), t => t.LearningRate.ShouldBe(1e-3), t => t.DataSeed
                .ShouldBe(3));
        recipe.Mixtures["btx"].Training.LearningRate.ShouldBe(5e-4);
        recipe.Mixtures["bam"].Training.DataSeed.ShouldBe(11);
    }

    [Fact]
    public void Models_that_are_given_are_not_trained()
    {
        var recipe = Read("""
            domains:
              law: { files: [law.txt] }
            training: { learning_rate: 1e-4 }
            seed: { checkpoint: models/seed }
            experts:
              law: { checkpoint: models/law }
            mixtures:
              bam: { method: bam, tokens: 1000 }
              soup: { method: soup }
            """);

        recipe.Seed.Checkpoint.ShouldBe(Path.Combine(directory, "models/seed"));
        recipe.Mixtures["bam"].Training.LearningRate.ShouldBe(1e-4);
        recipe.Mixtures["soup"].IsTrained.ShouldBeFalse();
        var resolved = RecipeWriter.Write(recipe);
        resolved.ShouldNotContain("general_share");
        resolved.Split("learning_rate:").Length.ShouldBe(2, "only the mixture that is trained has one");
    }

    [Theory]
    [InlineData("tokens: 4e5", "tokens: 4e5, parallel: { data: 2 }", 7, "experts.law.parallel")]
    [InlineData("tokens: 1e6", "tokens: 1e6, shard_optimizer: true", 5, "seed.shard_optimizer")]
    [InlineData("method: btx", "method: btx, load_balancing_over: micro_batch", 9, "mixtures.btx.load_balancing_over")]
    [InlineData("domains:", "training: { parallel: { experts: 1 } }\ndomains:", 1, "training.parallel")]
    public void Keys_for_several_processes_are_refused(string good, string bad, int line, string key) =>
        Should.Throw<InvalidInputException>(() => Read(Short.Replace(good, bad, StringComparison.Ordinal))).Message.ShouldBe(
            $"{Path.Combine(directory, "recipe.yaml")}:{line}: key '{key}' has no effect in a recipe, which trains each model in "
            + "one process; remove it, or train by 'bam train'");

    [Fact]
    public void Their_defaults_are_allowed() =>
        Read(Short.Replace("tokens: 1e6", "tokens: 1e6, shard_optimizer: false", StringComparison.Ordinal))
            .Seed.Training.ShardOptimizer.ShouldBeFalse();

    [Theory]
    [InlineData("")]
    [InlineData("\nrandom_seeds: [7]")]
    [InlineData("\nrandom_seeds: [7, 8]")]
    public void The_resolved_recipe_reads_back_as_the_same_recipe(string seeds)
    {
        var recipe = Read(Short + seeds);
        var resolved = RecipeWriter.Write(recipe);

        var elsewhere = Path.Combine(directory, "elsewhere", "recipe.yaml");
        Directory.CreateDirectory(Path.GetDirectoryName(elsewhere)!);
        File.WriteAllText(elsewhere, resolved);

        RecipeWriter.Write(RecipeReader.Read(elsewhere)).ShouldBe(resolved);
        resolved.ShouldContain("weight_decay: 0.1");
    }

    [Theory]
    [InlineData(
        "law: { tokens: 4e5 }", "law: { tokens: 4e5, lerning_rate: 1 }",
        "recipe.yaml:7: key 'experts.law.lerning_rate' is unknown, did you mean 'learning_rate'")]
    [InlineData("model:", "modle:", "recipe.yaml:4: key 'modle' is unknown, did you mean 'model'")]
    [InlineData("seed: { tokens: 1e6,", "seed: {", "recipe.yaml:5: key 'seed.tokens' is missing")]
    [InlineData(", learning_rate: 2e-3", "", "recipe.yaml:5: key 'seed.learning_rate' is missing")]
    [InlineData("law: { tokens: 4e5 }", "law: { learning_rate: 1 }", "recipe.yaml:7: key 'experts.law.tokens' is missing")]
    [InlineData(
        "law: { tokens: 4e5 }", "lax: { tokens: 4e5 }",
        "recipe.yaml:7: key 'experts.lax.domain': there is no domain 'lax', did you mean 'law'")]
    [InlineData(
        "law: { tokens: 4e5 }", "x: { tokens: 4e5, domain: lew }",
        "recipe.yaml:7: key 'experts.x.domain': there is no domain 'lew', did you mean 'law'")]
    [InlineData(
        "law: { tokens: 4e5 }", "btx: { tokens: 4e5, domain: law }",
        "recipe.yaml:9: key 'mixtures.btx': an expert has that name too")]
    [InlineData(
        "law: { tokens: 4e5 }", "seed: { tokens: 4e5, domain: law }",
        "recipe.yaml:7: key 'experts.seed': 'seed' names the seed model")]
    [InlineData("law: { tokens: 4e5 }", "a/b: { tokens: 4e5, domain: law }", "recipe.yaml:7: 'a/b' cannot be a name")]
    [InlineData(
        "law: { tokens: 4e5 }", "law: { checkpoint: x, tokens: 4 }",
        "recipe.yaml:7: key 'experts.law.tokens' has no effect on a checkpoint")]
    [InlineData(
        "general: { files", "other: { files", "recipe.yaml:5: there is no domain 'general', and the seed is trained on it")]
    [InlineData(
        "tokens: 1e6,", "shares: { lew: 1 }, tokens: 1e6,",
        "recipe.yaml:5: key 'seed.shares.lew': there is no domain 'lew', did you mean 'law'")]
    [InlineData("method: btx, ", "", "recipe.yaml:9: key 'mixtures.btx.method' is missing")]
    [InlineData("method: btx", "method: bxt", "expected bam or btx or soup or sparse or dense, found 'bxt'")]
    [InlineData(
        "method: btx", "method: btx, share_key_value: true",
        "recipe.yaml:9: key 'share_key_value' has no meaning for method btx")]
    [InlineData(
        "method: btx, tokens: 3e5", "method: soup, tokens: 3e5, top_k: 2",
        "recipe.yaml:9: key 'top_k' has no meaning for method soup")]
    [InlineData("method: btx", "method: btx, experts: 1", "expected an integer of at least 2, found '1'")]
    [InlineData("method: btx", "method: btx, top_k: 3", "recipe.yaml:9: key 'mixtures.btx.top_k': expected at most 2")]
    [InlineData(
        "method: bam", "method: bam, attention_top_k: 3",
        "recipe.yaml:10: key 'mixtures.bam.attention_top_k': expected at most 2")]
    [InlineData(
        "mixture: btx", "mixture: btz",
        "recipe.yaml:10: key 'mixtures.bam.match.mixture': there is no mixture 'btz', did you mean 'btx'")]
    [InlineData(
        "mixture: btx", "mixture: bam",
        "recipe.yaml:10: key 'mixtures.bam.match.mixture': the budgets go round in a circle (bam → bam)")]
    [InlineData("by: core_seconds", "by: hours", "expected core_seconds or flops or tokens, found 'hours'")]
    [InlineData(
        "model:", "claims: [{ says: '', order: [bam, btx] }]\nmodel:", "recipe.yaml:4: key 'claims': a 'says' is empty")]
    [InlineData(
        "model:", "claims: [{ says: x, order: [bam, bam] }]\nmodel:", "recipe.yaml:4: key 'claims': a model is there twice")]
    [InlineData(
        "model:", "tables: [{ title: x, models: [] }]\nmodel:", "recipe.yaml:4: key 'tables': expected at least one model")]
    [InlineData("model:", "tables: [{ title: '', models: [bam] }]\nmodel:", "recipe.yaml:4: key 'tables': a 'title' is empty")]
    [InlineData(
        "model:", "tables: [{ title: x, models: [bam, bam] }]\nmodel:", "recipe.yaml:4: key 'tables': a model is there twice")]
    [InlineData(
        "model:", "tables: [{ title: x, models: [bam], paper: { bm: { mean: 1 } } }]\nmodel:",
        "recipe.yaml:4: key 'tables': there is no model 'bm'")]
    [InlineData(
        "model:", "tables: [{ title: x, models: [bam], paper: { bam: { mea: 1 } } }]\nmodel:",
        "recipe.yaml:4: key 'tables': 'paper' has no column 'mea', did you mean 'mean'")]
    [InlineData(
        "model:", "tables: [{ title: x, models: [bam], paper: { bam: { mean: -5 } } }]\nmodel:",
        "recipe.yaml:4: key 'tables': 'paper' expected perplexities above 0, found -5; correct it")]
    [InlineData("method: bam,", "method: bam, tokens: 3,", "recipe.yaml:10: key 'tokens' and key 'match' exclude each other")]
    [InlineData(
        "btx: { method: btx, tokens: 3e5 }", "btx: { method: btx }",
        "recipe.yaml:10: key 'mixtures.bam.match.mixture': 'btx' is only mixed")]
    [InlineData(
        "model:", "training: { tokens: 5 }\nmodel:", "recipe.yaml:4: key 'training.tokens': a budget belongs to one phase")]
    [InlineData(
        "model:", "training: { bach_size: 5 }\nmodel:", "recipe.yaml:4: key 'bach_size' is unknown, did you mean 'batch_size'")]
    [InlineData("model:", "training: 5\nmodel:", "recipe.yaml:4: key 'training': expected keys and values")]
    [InlineData(
        "model:", "tokenizer: { path: x, vocab_size: 300 }\nmodel:",
        "recipe.yaml:4: key 'tokenizer.vocab_size' and key 'tokenizer.path' exclude each other")]
    [InlineData(
        "seed: { tokens: 1e6, learning_rate: 2e-3 }", "seed: { checkpoint: x }\ntraining: { learning_rate: 1 }",
        "recipe.yaml:4: key 'model' and key 'seed.checkpoint' exclude each other")]
    [InlineData(
        "method: btx, tokens: 3e5", "method: dense",
        "recipe.yaml:9: key 'mixtures.btx': the seed is not trained on without a budget")]
    [InlineData(
        "method: btx, tokens: 3e5", "method: soup, router_tokens: 64",
        "recipe.yaml:9: key 'router_tokens' has no meaning for method soup")]
    [InlineData(
        "method: btx", "method: sparse, router_tokens: 64",
        "recipe.yaml:9: key 'router_tokens' has no meaning for method sparse")]
    [InlineData(
        "method: btx", "method: btx, router_tokens: 64, routers: random",
        "recipe.yaml:9: key 'router_tokens' and 'routers: random' exclude each other")]
    [InlineData(
        "method: btx", "method: btx, routers: calibrated, experts: 3",
        "recipe.yaml:9: key 'mixtures.btx.routers': copies of the seed have no domain of their own")]
    [InlineData(
        "method: btx", "method: sparse, routers: random", "recipe.yaml:9: key 'routers' has no meaning for method sparse")]
    [InlineData("method: btx", "method: btx, router_tokens: 0", "expected an integer of at least 1, found '0'")]
    [InlineData(
        "method: btx", "method: btx, router_tokens: 64, experts: 3",
        "recipe.yaml:9: key 'mixtures.btx.router_tokens': copies of the seed have no domain of their own")]
    [InlineData(
        "match: { mixture: btx, by: core_seconds } }", "router_tokens: 64 }\ngeneral_domain: law",
        "recipe.yaml:10: key 'mixtures.bam.router_tokens': 'seed' and 'law' have one domain, 'law', and their router rows would "
        + "be equal")]
    [InlineData(
        "method: btx", "method: btx, attention_init: mean", "recipe.yaml:9: key 'attention_init' has no meaning for method btx")]
    [InlineData("method: btx", "method: sparse, of: [law]", "recipe.yaml:9: key 'of' has no meaning for method sparse")]
    [InlineData(
        "method: btx", "method: btx, of: [lew]",
        "recipe.yaml:9: key 'mixtures.btx.of': there is no expert 'lew', did you mean 'law'")]
    [InlineData(
        "method: btx", "method: btx, share_by: size, shares: { law: 1 }",
        "recipe.yaml:9: key 'share_by' and key 'shares' exclude each other")]
    [InlineData(
        "model:", "random_seeds: [1, 2]\ntraining: { data_seed: 1 }\nmodel:",
        "recipe.yaml:5: key 'training.data_seed' has no effect with 'random_seeds'")]
    [InlineData(
        "law: { tokens: 4e5 }", "law: { tokens: 4e5, data_seed: 5 }\nrandom_seeds: [1]",
        "recipe.yaml:7: key 'experts.law.data_seed' has no effect with 'random_seeds'")]
    [InlineData("model:", "random_seeds: [1, 1]\nmodel:", "recipe.yaml:4: key 'random_seeds': a number is there twice")]
    [InlineData(
        "model:", "claims: [{ says: x, order: [bam, bxt] }]\nmodel:",
        "recipe.yaml:4: key 'claims': there is no model 'bxt', did you mean 'btx'")]
    [InlineData(
        "model:", "claims: [{ says: x, order: [bam, btx], domains: [lew] }]\nmodel:",
        "recipe.yaml:4: key 'claims': there is no domain 'lew', did you mean 'law'")]
    [InlineData(
        "model:", "claims: [{ says: x, order: [bam, btx], domains: [law, law] }]\nmodel:",
        "recipe.yaml:4: key 'claims': a domain is there twice in 'domains'")]
    [InlineData(
        "model:", "tables: [{ title: x, models: [bam], domains: [] }]\nmodel:",
        "recipe.yaml:4: key 'tables': expected at least one domain in 'domains', found none")]
    [InlineData(
        "model:", "tables: [{ title: x, models: [bam], against: btx2 }]\nmodel:",
        "recipe.yaml:4: key 'tables': there is no model 'btx2', did you mean 'btx'")]
    [InlineData(
        "model:", "claims: [{ says: x, order: [seed] }]\nmodel:",
        "recipe.yaml:4: key 'claims': an 'order' needs at least two models")]
    [InlineData("model:", "results: kept\nmodel:", "recipe.yaml:4: key 'results' has no meaning without 'random_seeds'")]
    [InlineData(
        "model:", "extends: other/base.yaml\nmodel:",
        "recipe.yaml:4: key 'extends': expected the name of a file in the same folder")]
    [InlineData(
        "model:", "extends: recipe.yaml\nmodel:", "recipe.yaml:4: key 'extends': the files extend each other in a circle")]
    [InlineData("seed: { tokens: 1e6, learning_rate: 2e-3 }", "seed: 3", "recipe.yaml:5: key 'seed'")]
    public void A_fault_costs_one_line_that_names_the_place(string good, string bad, string message)
    {
        Short.ShouldContain(good);
        var fault = Should.Throw<InvalidInputException>(() => Read(Short.Replace(good, bad, StringComparison.Ordinal))).Message;

        fault.ShouldContain(message);
        fault.ShouldNotContain("\n");
    }

    [Fact]
    public void A_recipe_extends_another_key_by_key()
    {
        File.WriteAllText(Path.Combine(directory, "base.yaml"), Short);

        var recipe = Read("extends: base.yaml\nseed: { tokens: 2e6 }\nmixtures: { soup: { method: soup } }");

        recipe.Seed.Training.ShouldSatisfyAllConditions(t => t.Tokens.ShouldBe(2_000_000), t => t.LearningRate.ShouldBe(2e-3));
        recipe.Mixtures.Keys.ShouldBe(["soup", "btx", "bam"]);
        recipe.Domains["law"].Files.ShouldBe([Path.Combine(directory, "law/*.txt")]);
    }

    [Fact]
    public void A_fault_of_a_file_that_is_extended_names_that_file()
    {
        File.WriteAllText(Path.Combine(directory, "base.yaml"), Short.Replace("model:", "modle:", StringComparison.Ordinal));

        Should.Throw<InvalidInputException>(() => Read("extends: base.yaml"))
            .Message.ShouldContain("base.yaml:4: key 'modle' is unknown");
    }

    private Recipe Read(string yaml)
    {
        var path = Path.Combine(directory, "recipe.yaml");
        File.WriteAllText(path, yaml);
        return RecipeReader.Read(path);
    }
}
