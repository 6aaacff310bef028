using Bam.Torch;
using Bam.Torch.Distributed;
using Bam.Training.Distributed;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training.Distributed;

public class DistributedEnvironmentTests
{
    private const string Torchrun = "RANK=3 WORLD_SIZE=8 LOCAL_RANK=1 MASTER_ADDR=gpu1 MASTER_PORT=29500";

    private const string Slurm =
        "SLURM_JOB_ID=123456 SLURM_STEP_ID=0 SLURM_PROCID=5 SLURM_NTASKS=16 SLURM_LOCALID=1 SLURM_NODELIST=gpu[003-006,9]";

    [Theory]
    [InlineData("")]
    [InlineData("WORLD_SIZE=1")]
    [InlineData("RANK=0 WORLD_SIZE=1 LOCAL_RANK=0 MASTER_ADDR=gpu1 MASTER_PORT=29500")]
    [InlineData("SLURM_JOB_ID=7 SLURM_PROCID=0 SLURM_NTASKS=4 SLURM_LOCALID=0 SLURM_NODELIST=gpu1")] // in sbatch, without srun
    [InlineData("SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_NTASKS=1 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODELIST=gpu1")]
    [InlineData("SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0 SLURM_NODELIST=gpu1")]
    [InlineData("SLURM_JOB_ID=7 SLURM_STEP_ID=4294967292")]
    [InlineData("RANK= WORLD_SIZE= MASTER_ADDR=")]
    public void One_process(string variables)
    {
        Read(variables).ShouldBe(DistributedEnvironment.Alone);
        Read(variables).RequireAlone("training");
    }

    [Fact]
    public void Torchruns_variables()
    {
        var found = Read(Torchrun);
        (found.Rank, found.Size, found.LocalRank).ShouldBe((3, 8, 1));
        found.Store.ShouldBe(new StoreAddress("gpu1", 29500, true, "bam/0"));
    }

    [Fact]
    public void A_store_that_torchrun_runs_is_not_run_again_and_keys_change_with_a_restart() =>
        Read($"{Torchrun} TORCHELASTIC_USE_AGENT_STORE=True TORCHELASTIC_RESTART_COUNT=2").Store
            .ShouldBe(new StoreAddress("gpu1", 29500, false, "bam/2"));

    [Fact]
    public void Slurms_variables()
    {
        var found = Read(Slurm);
        (found.Rank, found.Size, found.LocalRank).ShouldBe((5, 16, 1));
        found.Store.ShouldBe(new StoreAddress("gpu003", 10_000 + (123_456 % 22_000)));
    }

    [Fact]
    public void Torchruns_variables_win_over_Slurms() => Read($"{Slurm} {Torchrun}").Store!.Host.ShouldBe("gpu1");

    [Fact]
    public void The_master_can_be_set_beside_Slurms_variables() =>
        Read($"{Slurm} MASTER_ADDR=login MASTER_PORT=4000").Store.ShouldBe(new StoreAddress("login", 4000));

    [Fact]
    public void A_steps_own_variables_win_over_its_jobs()
    {
        var found = Read($"{Slurm} SLURM_STEP_NUM_TASKS=6 SLURM_STEP_NODELIST=gpu[9,12]");
        (found.Size, found.Store!.Host).ShouldBe((6, "gpu9"));
    }

    [Fact]
    public void Steps_of_a_job_and_neighbouring_jobs_have_ports_of_their_own()
    {
        var ports =
            from job in Enumerable.Range(123_400, 100)
            from step in Enumerable.Range(0, 5)
            select Read($"{Slurm} SLURM_JOB_ID={job} SLURM_STEP_ID={step}").Store!.Port;
        ports.Distinct().Count().ShouldBe(500);
        ports.ShouldAllBe(port => port >= 10_000 && port < 32_768);
    }

    [Theory]
    [InlineData(Torchrun, 2)] // at least those up to this one
    [InlineData($"{Torchrun} LOCAL_WORLD_SIZE=4", 4)]
    [InlineData($"{Torchrun} MASTER_ADDR=127.0.0.1", 8)] // nobody else reaches that address
    [InlineData(Slurm, 2)]
    [InlineData($"{Slurm} SLURM_NODEID=2 SLURM_STEP_TASKS_PER_NODE=8(x2),3", 3)]
    [InlineData($"{Slurm} SLURM_NODEID=1 SLURM_STEP_TASKS_PER_NODE=8(x2),3", 8)]
    [InlineData($"{Slurm} SLURM_NODEID=0 SLURM_STEP_TASKS_PER_NODE=16", 16)]
    [InlineData($"{Slurm} SLURM_NODEID=3 SLURM_STEP_TASKS_PER_NODE=8(x2),3", 2)] // the list is short
    [InlineData($"{Slurm} SLURM_NODEID=0 SLURM_STEP_TASKS_PER_NODE=eight", 2)]
    [InlineData("", 1)]
    public void The_processes_of_this_machine(string variables, int count) => Read(variables).LocalSize.ShouldBe(count);

    [Theory]
    [InlineData(Torchrun, "MASTER_ADDR and MASTER_PORT")]
    [InlineData(Slurm, "SLURM_NODELIST, which MASTER_ADDR overrides, and SLURM_JOB_ID, which MASTER_PORT overrides")]
    [InlineData($"{Slurm} MASTER_ADDR=login", "MASTER_ADDR, and SLURM_JOB_ID, which MASTER_PORT overrides")]
    public void The_variables_that_name_the_store(string variables, string names) =>
        Read(variables).GroupOptions(Device.Cpu, TimeSpan.FromSeconds(1)).AddressSource.ShouldBe(names);

    [Fact]
    public void What_a_rank_starts_is_no_rank()
    {
        var variables = Torchrun.Split(' ').Append("HOME=/root").Select(pair => pair.Split('='))
            .ToDictionary(pair => pair[0], pair => (string?)pair[1]);
        DistributedEnvironment.Remove(variables);
        variables.Keys.ShouldBe(["HOME"]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("RANK=0 WORLD_SIZE=1")]
    [InlineData("WORLD_SIZE=2")]
    [InlineData("RANK=0")]
    [InlineData("MASTER_ADDR=gpu1 MASTER_PORT=29500")]
    [InlineData(Slurm)] // the tasks may work on different inputs
    public void What_is_no_rank_of_torchrun_may_run_any_command(string variables) =>
        DistributedEnvironment.RequireNoCopies("bam mix", Variables(variables));

    [Fact]
    public void Ranks_of_torchrun_are_refused_where_they_would_do_the_same() =>
        Should.Throw<InvalidInputException>(() => DistributedEnvironment.RequireNoCopies("bam mix", Variables(Torchrun))).Message
            .ShouldBe("bam mix by several processes is not supported, and this is rank 3 of 8 (RANK and WORLD_SIZE); start one "
                + "process");

    [Theory]
    [InlineData("RANK")]
    [InlineData("WORLD_SIZE")]
    [InlineData("LOCAL_RANK")]
    [InlineData("MASTER_ADDR")]
    [InlineData("MASTER_PORT")]
    public void The_missing_variable_of_torchrun_is_named(string name) =>
        Refusal(Without(Torchrun, name)).ShouldStartWith(
            $"the environment variable {name} is missing; torchrun and bam launch set ");

    [Theory]
    [InlineData("SLURM_PROCID", "SLURM_PROCID")]
    [InlineData("SLURM_LOCALID", "SLURM_LOCALID")]
    [InlineData("SLURM_NODELIST", "SLURM_JOB_NODELIST")]
    [InlineData("SLURM_JOB_ID", "SLURM_JOB_ID")]
    public void The_missing_variable_of_Slurm_is_named(string name, string named) =>
        Refusal(Without(Slurm, name)).ShouldStartWith($"the environment variable {named} is missing; srun sets it");

    [Theory]
    [InlineData("RANK=8", "the environment variable RANK: expected an integer from 0 to 7, found '8'")]
    [InlineData("RANK=-1", "the environment variable RANK: expected an integer from 0 to 7, found '-1'")]
    [InlineData("WORLD_SIZE=0", "the environment variable WORLD_SIZE: expected an integer from 1, found '0'")]
    [InlineData("WORLD_SIZE=two", "the environment variable WORLD_SIZE: expected an integer from 1, found 'two'")]
    [InlineData("LOCAL_WORLD_SIZE=1", "the environment variable LOCAL_WORLD_SIZE: expected an integer from 2 to 8, found '1'")]
    [InlineData("MASTER_PORT=65536", "the environment variable MASTER_PORT: expected an integer from 1 to 65535, found '65536'")]
    public void A_wrong_number_is_named(string variable, string message) =>
        Refusal($"{Torchrun} {variable}").ShouldStartWith(message);

    [Theory]
    [InlineData("gpu1", "gpu1")]
    [InlineData("gpu1,gpu2", "gpu1")]
    [InlineData("gpu[003-006,9]", "gpu003")]
    [InlineData("gpu[9,003-006]", "gpu9")]
    [InlineData("gpu[7]", "gpu7")]
    [InlineData("a-[1-2]-b", "a-1-b")]
    [InlineData("rack[01-02]node[1-4],login", "rack01node1")]
    [InlineData("login,gpu[1-2]", "login")]
    [InlineData("node-1.cluster.example,node-2.cluster.example", "node-1.cluster.example")]
    [InlineData("[10-12]", "10")]
    public void The_first_machine_of_a_list(string list, string first) => SlurmNodeList.First(list, "LIST").ShouldBe(first);

    [Theory]
    [InlineData("")]
    [InlineData(",gpu1")]
    [InlineData("gpu[")]
    [InlineData("gpu[]")]
    [InlineData("gpu[-3]")]
    [InlineData("gpu[a-b]")]
    [InlineData("gpu[1;2]")]
    [InlineData("gpu 1")]
    [InlineData("gpu]1[")]
    public void What_is_no_list_of_machines_is_refused(string list) =>
        Should.Throw<InvalidInputException>(() => SlurmNodeList.First(list, "SLURM_NODELIST")).Message.ShouldBe(
            $"the environment variable SLURM_NODELIST: expected a list of machines such as gpu[003-006,9], found '{list}'; "
            + "set MASTER_ADDR to the first machine");

    [Fact]
    public void Several_processes_are_refused_where_one_is_needed() =>
        Should.Throw<InvalidInputException>(() => Read(Torchrun).RequireAlone("training")).Message.ShouldBe(
            "training by several processes is not supported, and this is rank 3 of 8 (RANK and WORLD_SIZE); start one process");

    [Fact]
    public void Options_of_the_group()
    {
        var options = Read(Torchrun).GroupOptions(Device.Cuda(1), TimeSpan.FromSeconds(5));
        (options.Rank, options.Size, options.Device, options.Timeout.TotalSeconds).ShouldBe((3, 8, Device.Cuda(1), 5));
        options.Store.Host.ShouldBe("gpu1");
    }

    private static string Without(string variables, string name) =>
        string.Join(' ', variables.Split(' ').Where(variable => variable.Split('=')[0] != name));

    private static string Refusal(string variables) => Should.Throw<InvalidInputException>(() => Read(variables)).Message;

    /// <summary>Reads "A=1 B=2"; the last value of a name counts.</summary>
    private static DistributedEnvironment Read(string variables) => DistributedEnvironment.Read(Variables(variables));

    private static Func<string, string?> Variables(string variables)
    {
        var values = new Dictionary<string, string>();
        foreach (var variable in variables.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            values[variable.Split('=')[0]] = variable.Split('=')[1];
        return values.GetValueOrDefault;
    }
}
