using System.Text.Json;
using Bam.Data;
using Bam.Experiments.Phases;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments;

/// <summary>A recipe with a domain of conversations.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class ChatDomainTests : IDisposable
{
    private const string Yaml = """
        domains:
          general: { files: [general.txt], section_separator: "----" }
          talk: { files: [talk.jsonl], format: chat, loss_on: assistant, template: talk.jinja }
        tokenizer: { vocab_size: 300 }
        data: { held_out_fraction: 0.1, near_duplicate_similarity: 1, contamination_share: 1 }
        model: { hidden_size: 16, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
        training: { batch_size: 4, sequence_length: 32, warmup_steps: 1, device: cpu, evaluate_every: 3 }
        seed: { steps: 6, learning_rate: 1e-2, shares: { general: 1, talk: 1 } }
        """;

    private const string Template =
        "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
        + "{% if add_generation_prompt %}[assistant] {% endif %}";

    private readonly ToyRecipe recipe = new();

    public ChatDomainTests()
    {
        File.WriteAllText(recipe.Path("talk.jinja"), Template);
        File.WriteAllLines(recipe.Path("talk.jsonl"), Enumerable.Range(0, 60).Select(i => JsonSerializer.Serialize(new
        {
            messages = new[]
            {
                new { role = "user", content = $"what is {i} and {i + 1}" },
                new { role = "assistant", content = $"it is {(2 * i) + 1}, and the next is {(2 * i) + 3}" },
            },
        })));
    }

    public void Dispose() => recipe.Dispose();

    [Fact]
    public void Its_answers_are_trained_on_and_measured()
    {
        var results = recipe.Run(Yaml, "run");

        var report = DataBuildReport.Load(Path.Combine(recipe.Phase("run", "data-talk"), "shards"));
        report.Chat.ShouldNotBeNull().LossOn.ShouldBe(LossOn.Assistant);
        report.Chat.TrainAnswers!.Value.ShouldBeInRange(1, report.Train.Tokens - 1);
        results.Models.Single().Tokens["talk"].ShouldBe(report.Chat.HeldOutAnswers!.Value);
        recipe.Plan(Yaml, "run").ShouldAllBe(phase => phase.State == PhaseState.Finished);
    }

    [Fact]
    public void The_template_and_the_loss_are_part_of_the_key_and_text_domains_keep_theirs()
    {
        var (general, talk) = KeysOf(Yaml);
        File.WriteAllText(recipe.Path("talk.jinja"), Template + " ");
        var changed = KeysOf(Yaml);
        changed.General.ShouldBe(general);
        changed.Talk.ShouldNotBe(talk);
        KeysOf(Yaml.Replace("loss_on: assistant, ", "", StringComparison.Ordinal)).Talk.ShouldNotBe(changed.Talk);
    }

    [Theory]
    [InlineData("format: chat, ", "", "key 'loss_on' has no meaning without 'format: chat'; add it")]
    [InlineData("format: chat, loss_on: assistant, ", "", "key 'template' has no meaning without 'format: chat'; add it")]
    [InlineData(
        ", template: talk.jinja", "",
        "domain 'talk', key 'format': expected a chat template beside a given tokenizer, found a tokenizer that "
            + "the recipe trains")]
    [InlineData("loss_on: assistant", "loss_on: user", "expected all or assistant")]
    public void Keys_without_meaning_are_refused(string before, string after, string message) =>
        Should.Throw<InvalidInputException>(
                () => recipe.Plan(Yaml.Replace(before, after, StringComparison.Ordinal), "run")).Message
            .ShouldContain(message);

    private (string General, string Talk) KeysOf(string yaml)
    {
        var phases = recipe.Plan(yaml, "run");
        return (Key("general"), Key("talk"));

        string Key(string name) => phases.Single(phase => phase.Phase.Title == $"data {name}").Phase.Key;
    }
}
