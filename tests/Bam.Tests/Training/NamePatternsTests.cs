using Bam.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training;

public sealed class NamePatternsTests
{
    private static readonly string[] Names =
    [
        "model.embed_tokens.weight", "model.layers.0.self_attn.router.weight", "model.layers.0.mlp.router.weight",
        "model.layers.0.mlp.experts.0.up_proj.weight", "model.layers.0.mlp.experts.1.up_proj.weight",
    ];

    [Fact]
    public void Everything_is_trained_unless_said_otherwise() => Trained([], []).ShouldBe(Names, ignoreOrder: true);

    [Fact]
    public void Train_only_keeps_what_matches() => Trained(["*router*"], []).ShouldBe([Names[1], Names[2]], ignoreOrder: true);

    [Fact]
    public void Freeze_takes_away_also_from_train_only() => Trained(["*router*"], ["*self_attn*"]).ShouldBe([Names[2]]);

    [Fact]
    public void A_question_mark_is_one_character() =>
        Trained([], ["model.layers.0.mlp.experts.?.up_proj.weight"]).Count.ShouldBe(3);

    [Fact]
    public void A_pattern_that_matches_nothing_is_refused() =>
        Should.Throw<InvalidInputException>(() => Trained(["*rooter*"], []))
            .Message.ShouldStartWith("key 'train_only': pattern '*rooter*' matches no tensor");

    [Fact]
    public void A_misspelt_name_gets_a_suggestion() =>
        Should.Throw<InvalidInputException>(() => Trained([], ["model.embed_token.weight"]))
            .Message.ShouldContain("did you mean 'model.embed_tokens.weight'");

    [Fact]
    public void Freezing_everything_is_refused() =>
        Should.Throw<InvalidInputException>(() => Trained([], ["*"])).Message.ShouldContain("nothing is left to train");

    private static IReadOnlySet<string> Trained(string[] trainOnly, string[] freeze) =>
        NamePatterns.Trained(Names, new TrainingSettings { LearningRate = 1, TrainOnly = trainOnly, Freeze = freeze });
}
