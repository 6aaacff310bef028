using Bam.Experiments;
using Bam.Experiments.Recipes;
using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments;

public sealed class RunLockTests : IDisposable
{
    private static readonly string First = new('1', 64);
    private static readonly string Second = new('2', 64);

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Workers_of_one_recipe_share_a_directory_and_those_of_another_are_refused()
    {
        var first = RunLock.Join(directory["run"], First);
        using (RunLock.Join(directory["run"], First)) first.Dispose();
        using (RunLock.Join(directory["run"], First))
        {
            Should.Throw<InvalidInputException>(() => RunLock.Join(directory["run"], Second)).Message.ShouldBe(
                $"{directory["run"]}: another bam is at work there, with another recipe or other text; wait for it, stop it, or "
                + "choose another output");
        }

        RunLock.Join(directory["run"], Second).Dispose();
    }

    [Fact]
    public void A_training_and_a_run_exclude_each_other()
    {
        using (RunLock.Join(directory["run"], First))
            Should.Throw<InvalidInputException>(() => DirectoryLock.Acquire(directory["run"]));

        using (DirectoryLock.Acquire(directory["run"]))
            Should.Throw<InvalidInputException>(() => RunLock.Join(directory["run"], First));
    }

    [Fact]
    public void Results_are_written_by_one_worker_at_a_time()
    {
        using var stop = new CancellationTokenSource();
        using var first = RunLock.Join(directory["run"], First);
        using var second = RunLock.Join(directory["run"], First);
        using (first.LockResults(default))
        {
            stop.Cancel();
            Should.Throw<OperationCanceledException>(() => second.LockResults(stop.Token));
        }

        second.LockResults(default).Dispose();
    }

    [Fact]
    public void A_copy_of_a_recipe_elsewhere_is_the_same_recipe()
    {
        var here = IdentityOf("here", "", ["key"]);

        IdentityOf("there", "", ["key"]).ShouldBe(here);
        IdentityOf("there", "", ["of other text"]).ShouldNotBe(here);
        IdentityOf("there", "random_seed: 7", ["key"]).ShouldNotBe(here);
    }

    private string IdentityOf(string folder, string more, string[] keys)
    {
        Directory.CreateDirectory(directory[folder]);
        ToyDomains.Write(directory[folder]);
        var path = directory[$"{folder}/toy.yaml"];
        File.WriteAllText(path, $"{ToyRecipe.Yaml}\n{more}\n");
        return RunLock.IdentityOf([RecipeReader.Read(path)], keys);
    }
}
