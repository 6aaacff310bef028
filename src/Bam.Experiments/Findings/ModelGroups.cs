namespace Bam.Experiments.Findings;

/// <summary>The groups in which every table and figure shows models.</summary>
internal static class ModelGroups
{
    private static readonly ModelKind[] MixtureKinds = [ModelKind.Soup, ModelKind.Sparse, ModelKind.Btx, ModelKind.Bam];

    /// <summary>Dense, specialised and mixed models; empty groups are left out.</summary>
    public static IReadOnlyList<(string Title, IReadOnlyList<ModelResult> Models)> Of(IReadOnlyList<ModelResult> models) =>
        [.. new (string, IReadOnlyList<ModelResult>)[]
        {
            (models.Any(model => model.Kind == ModelKind.Dense) ? "Dense" : "Seed", [.. models.Where(model => model.Kind is ModelKind.Seed or ModelKind.Dense)]),
            ("Specialised", [.. models.Where(model => model.Kind == ModelKind.Expert)]),
            ("Mixtures", [.. models.Where(model => MixtureKinds.Contains(model.Kind))]),
        }.Where(group => group.Item2.Count > 0)];

    /// <summary>The trained models that stand for the recipe's comparisons: mixtures and dense controls, neither seed nor experts.</summary>
    public static IReadOnlyList<ModelResult> Compared(IReadOnlyList<ModelResult> models) =>
        [.. models.Where(model => model.Kind is not (ModelKind.Seed or ModelKind.Expert) && model.TrainingTokens > 0)];
}
